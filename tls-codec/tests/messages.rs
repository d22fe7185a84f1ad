//! Tests of every message: it encodes to the bytes it was decoded from, and malformed bytes are
//! rejected.

mod samples;

use samples::{Sample, all, rfc8448, written};
use strata_tls_codec::{extension::*, handshake::*, *};

#[test]
fn message_encodes_to_the_decoded_bytes() {
    for sample in all() {
        assert_eq!(sample.reencode(&sample.body).as_ref(), Ok(&sample.body), "{}", sample.name);
    }
}

#[test]
fn truncated_message_is_rejected() {
    for sample in all() {
        let Sample { name, typ, body, .. } = &sample;
        if *typ == HandshakeType::FINISHED {
            continue; // the body is one field of any length
        }
        // Hellos may end before their extension block (RFC 9846 §4.2.2).
        let suite = 2 + 32 + 1 + body.get(34).map_or(0, |session_id| usize::from(*session_id));
        let without_block = match *typ {
            HandshakeType::CLIENT_HELLO => suite + 2 + usize::from(body[suite + 1]) + 2,
            HandshakeType::SERVER_HELLO => suite + 2 + 1,
            _ => usize::MAX,
        };
        for cut in 0..body.len() {
            let result = sample.reencode(&body[..cut]);
            assert_eq!(result.is_ok(), cut == without_block, "{name} cut at {cut}: {result:?}");
        }
    }
}

#[test]
fn byte_after_a_message_is_trailing_data() {
    for sample in all() {
        if sample.typ == HandshakeType::FINISHED || sample.name.starts_with("old ") {
            continue; // Finished takes all bytes; a hello without a block decodes them as one
        }
        let surplus = [&sample.body[..], &[0]].concat();
        let fault = sample.reencode(&surplus).map_err(|error| error.fault);
        assert_eq!(fault, Err(Fault::TrailingData), "{}", sample.name);
    }
}

/// Covers wrong lengths, wrong types and duplicates.
#[test]
fn changed_byte_is_rejected_or_survives_encoding() {
    for sample in all() {
        let Sample { name, body, .. } = &sample;
        let mut mutated = body.clone();
        for at in 0..body.len() {
            let values: &[u8] =
                &[0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, body[at] ^ 1, body[at].wrapping_add(1), body[at].wrapping_sub(1)];
            for value in values {
                mutated[at] = *value;
                if let Ok(out) = sample.reencode(&mutated) {
                    assert_eq!(out, mutated, "{name} with {value} at {at}");
                }
            }
            mutated[at] = body[at];
        }
    }
}

#[test]
fn random_mutation_is_rejected_or_survives_encoding() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let samples = all();
    let mut accepted = 0;
    for round in 0..40_000 {
        let sample = &samples[random.below(samples.len())];
        let mut body = sample.body.clone();
        for _ in 0..=random.below(4) {
            mutate(&mut body, &mut random);
        }
        if let Ok(out) = sample.reencode(&body) {
            accepted += 1;
            assert_eq!(out, body, "{} in round {round}", sample.name);
        }
        // No decoder may panic on the bytes of another message.
        let _ = samples[random.below(samples.len())].reencode(&body);
    }
    assert!(accepted > 1000, "only {accepted} mutations were accepted");
}

#[test]
fn accepted_mutation_can_be_walked_and_printed() {
    let mut random = Random(7);
    let sample = all().into_iter().find(|sample| sample.name == "full client_hello").unwrap();
    let mut accepted = 0;
    for _ in 0..3000 {
        let mut body = sample.body.clone();
        mutate(&mut body, &mut random);
        if let Ok(hello) = decode_all::<ClientHello<'_>>(&body) {
            accepted += 1;
            assert_eq!(hello.cipher_suites.iter().count(), hello.cipher_suites.len());
            if let Some(shares) = hello.extensions.key_share {
                assert_eq!(
                    shares.iter().map(|share| share.key_exchange.len() + 4).sum::<usize>(),
                    shares.bytes().len()
                );
            }
            assert!(format!("{hello:?}").starts_with("ClientHello"));
        }
    }
    assert!(accepted > 100, "{accepted}");
}

fn mutate(body: &mut Vec<u8>, random: &mut Random) {
    if body.is_empty() {
        return;
    }
    let at = random.below(body.len());
    match random.below(6) {
        0 => body[at] = random.byte(),
        1 => body[at] ^= 1 << random.below(8),
        2 => body[at] = body[at].wrapping_add(1),
        3 => drop(body.remove(at)),
        4 => body.insert(at, random.byte()),
        _ => {
            let end = at + random.below((body.len() - at).min(8)) + 1;
            let piece = body[at..end].to_vec();
            let to = random.below(body.len());
            body.splice(to..to, piece);
        }
    }
}

/// xorshift64*, with the same sequence in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

fn rfc_message(name: &str) -> Vec<u8> {
    rfc8448().into_iter().find(|sample| sample.name == format!("RFC 8448 §{name}")).unwrap().body
}

#[test]
fn rfc8448_first_client_hello_decodes_to_the_rfc_values() {
    let body = rfc_message("3 client_hello");
    let hello: ClientHello<'_> = decode_all(&body).unwrap();
    assert_eq!(hello.legacy_version, ProtocolVersion::TLS12);
    let suites = [
        CipherSuite::TLS_AES_128_GCM_SHA256,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
        CipherSuite::TLS_AES_256_GCM_SHA384,
    ];
    assert!(hello.cipher_suites.iter().eq(suites));
    let extensions = hello.extensions;
    assert_eq!(extensions.server_name.unwrap().host_name(), Some(&b"server"[..]));
    assert_eq!(extensions.key_share.unwrap().first().unwrap().group, NamedGroup::X25519);
    assert_eq!(extensions.key_share.unwrap().len(), 1);
    assert_eq!(extensions.supported_versions.unwrap().first(), Some(ProtocolVersion::TLS13));
    assert_eq!(extensions.record_size_limit, Some(16385));
    assert_eq!(extensions.session_ticket, Some(&[][..]));
    assert!(!extensions.early_data && extensions.pre_shared_key.is_none());
}

#[test]
fn rfc8448_resumed_client_hello_ends_with_its_binder() {
    let body = rfc_message("4 client_hello");
    let hello: ClientHello<'_> = decode_all(&body).unwrap();
    let psks = hello.extensions.pre_shared_key.unwrap();
    assert_eq!((psks.identities.len(), psks.binders.len()), (1, 1));
    // The RFC hashes a prefix of 477 bytes, including the header of four.
    assert_eq!(4 + body.len() - psks.binders_wire_len(), 477);
    assert!(hello.extensions.early_data);
    assert_eq!(psks.iter().count(), 1);
}

#[test]
fn rfc8448_hello_retry_request_is_detected_by_random() {
    let body = rfc_message("5 hello_retry_request");
    let ServerHelloMessage::HelloRetryRequest(retry) = decode_all(&body).unwrap() else {
        panic!("unexpected kind of hello")
    };
    assert_eq!(retry.extensions.key_share, Some(NamedGroup::SECP256R1));
    assert_eq!(retry.extensions.selected_version, Some(ProtocolVersion::TLS13));
    assert_eq!(retry.extensions.cookie.map(<[u8]>::len), Some(114));
    let body = rfc_message("5 server_hello");
    let ServerHelloMessage::ServerHello(hello) = decode_all(&body).unwrap() else { panic!("unexpected kind of hello") };
    assert!(!hello.is_hello_retry_request());
    assert_eq!(decode_all::<HelloRetryRequest<'_>>(&body).unwrap_err().at, "HelloRetryRequest.random");
}

#[test]
fn rfc8448_ticket_allows_early_data() {
    let body = rfc_message("3 new_session_ticket");
    let ticket: NewSessionTicket<'_> = decode_all(&body).unwrap();
    assert_eq!(ticket.ticket_lifetime, 30);
    assert_eq!(ticket.max_early_data_size, Some(1024));
    assert_eq!(ticket.ticket_nonce, [0, 0]);
}

#[test]
fn full_client_hello_fills_every_typed_field() {
    let sample = all().into_iter().find(|sample| sample.name == "full client_hello").unwrap();
    let e = decode_all::<ClientHello<'_>>(&sample.body).unwrap().extensions;
    assert_eq!(e.server_name.unwrap().host_name(), Some(&b"example.com"[..]));
    assert!(matches!(e.status_request, Some(StatusRequest::Ocsp { request_extensions: [], .. })));
    assert!(e.supported_groups.unwrap().iter().eq([NamedGroup::X25519, NamedGroup::SECP256R1]));
    assert!(e.signature_algorithms.unwrap().iter().eq([SignatureScheme::ED25519]));
    assert!(e.signature_algorithms_cert.unwrap().iter().eq([SignatureScheme::RSA_PKCS1_SHA256]));
    assert!(e.alpn.unwrap().iter().map(|name| name.0).eq([&b"h2"[..], b"http/1.1"]));
    assert!(e.supported_versions.unwrap().iter().eq([ProtocolVersion::TLS13, ProtocolVersion::TLS12]));
    assert_eq!(e.cookie, Some(&b"cookie"[..]));
    assert!(e.key_share.unwrap().contains(KeyShareEntry { group: NamedGroup::X25519, key_exchange: &[9; 32] }));
    assert!(e.psk_key_exchange_modes.unwrap().iter().eq([PskKeyExchangeMode::PSK_DHE_KE]));
    assert_eq!(e.pre_shared_key.unwrap().identities.first().unwrap().obfuscated_ticket_age, 77);
    assert!(e.certificate_authorities.unwrap().iter().map(|name| name.0).eq([&[0x30, 0][..], &[0x30, 1, 7]]));
    assert_eq!(e.max_fragment_length, Some(MaxFragmentLength(3)));
    assert_eq!(e.record_size_limit, Some(16385));
    assert!(e.compress_certificate.unwrap().iter().eq([CertificateCompressionAlgorithm::ZLIB]));
    assert!(e.client_certificate_type.unwrap().iter().eq([CertificateType::X509]));
    assert!(e.server_certificate_type.unwrap().iter().eq([CertificateType::RAW_PUBLIC_KEY, CertificateType::X509]));
    assert_eq!(e.quic_transport_parameters, Some(&[1, 2, 3][..]));
    assert_eq!(e.renegotiation_info, Some(&[][..]));
    assert_eq!(e.session_ticket, Some(&[][..]));
    assert!(e.ec_point_formats.unwrap().contains(EcPointFormat::UNCOMPRESSED));
    assert!(e.signed_certificate_timestamp && e.early_data && e.post_handshake_auth && e.extended_master_secret);
    assert_eq!(e.raw.find(ExtensionType::PADDING), Some(&[0; 5][..]));
    assert_eq!(e.raw.get::<Padding>(), Ok(Some(5)));
    assert_eq!(e.raw.iter().next(), Some((ExtensionType(0x0a0a), &[][..])));
}

#[test]
fn certificate_entry_has_status_and_scts() {
    let sample = all().into_iter().find(|sample| sample.name == "certificate").unwrap();
    let certificate = decode_all::<Certificate<'_>>(&sample.body).unwrap();
    let entries: Vec<_> = certificate.certificate_list.iter().collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].extensions.ocsp_response, Some(&b"response"[..]));
    let timestamps = entries[0].extensions.signed_certificate_timestamps.unwrap();
    assert!(timestamps.iter().map(|sct| sct.0).eq([[4; 5], [5; 5]]));
    assert_eq!((entries[1].cert_data, entries[1].extensions.ocsp_response), (&[7][..], None));
}

#[test]
fn message_of_another_type_is_rejected() {
    let message = RawMessage { typ: HandshakeType::FINISHED, body: &[1], raw: &[20, 0, 0, 1, 1] };
    let error = message.decode::<KeyUpdate>().unwrap_err();
    assert_eq!(error, DecodeError { fault: Fault::IllegalValue, at: "Handshake.msg_type" });
}

#[test]
fn key_update_has_two_values() {
    for value in 0..=255 {
        let fault = decode_all::<KeyUpdate>(&[value]).map_err(|error| error.fault).err();
        assert_eq!(fault, (value > 1).then_some(Fault::IllegalValue));
    }
}

#[test]
fn empty_certificate_is_rejected_but_empty_chain_is_not() {
    assert!(decode_all::<Certificate<'_>>(&[0, 0, 0, 0]).unwrap().certificate_list.is_empty());
    let error = decode_all::<Certificate<'_>>(&[0, 0, 0, 5, 0, 0, 0, 0, 0]).unwrap_err();
    assert_eq!(error, DecodeError { fault: Fault::BadLength, at: "CertificateEntry.cert_data" });
}

#[test]
fn hello_vectors_are_bounded() {
    let hello = |session_id: usize, suites: usize, methods: usize| {
        let body = written(|w| {
            w.bytes(&[3; 34])?;
            w.vec8(|w| w.bytes(&vec![0; session_id]))?;
            w.vec16(|w| w.bytes(&vec![0; suites]))?;
            w.vec8(|w| w.bytes(&vec![0; methods]))
        });
        decode_all::<ClientHello<'_>>(&body).map(drop)
    };
    let bad = |at| Err(DecodeError { fault: Fault::BadLength, at });
    assert_eq!(hello(0, 2, 1), Ok(()));
    assert_eq!(hello(32, 0xfffe, 255), Ok(()));
    assert_eq!(hello(33, 2, 1), bad("ClientHello.legacy_session_id"));
    assert_eq!(hello(0, 0, 1), bad("ClientHello.cipher_suites"));
    assert_eq!(hello(0, 3, 1), bad("ClientHello.cipher_suites"));
    assert_eq!(hello(0, 0xffff, 1), bad("ClientHello.cipher_suites"));
    assert_eq!(hello(0, 2, 0), bad("ClientHello.legacy_compression_methods"));
}

#[test]
fn owned_message_returns_what_it_stored() {
    let body = rfc_message("3 client_hello");
    let owned = Owned::<ClientHelloView>::parse(&body).unwrap();
    assert_eq!(owned.wire(), body);
    assert_eq!(owned.get(), decode_all::<ClientHello<'_>>(&body));
    assert_eq!(owned.clone(), owned);
    assert!(Owned::<CertificateView>::parse(&body).is_err());
}

#[test]
fn debug_output_omits_binders_verify_data_and_tickets() {
    let secret = [0xab; 32];
    assert!(!format!("{:?}", Finished { verify_data: &secret }).contains("171"));
    assert!(!format!("{:?}", PskBinder(&secret)).contains("171"));
    let body = written(|w| {
        w.bytes(&[0; 9])?;
        w.vec16(|w| w.bytes(&secret))?;
        w.u16(0)
    });
    assert!(!format!("{:?}", decode_all::<NewSessionTicket<'_>>(&body).unwrap()).contains("171"));
}

#[test]
fn split_message_returns_the_missing_length() {
    let raw = [&[11, 0, 1, 0][..], &[7; 256]].concat();
    for cut in 0..raw.len() {
        let need = if cut < MESSAGE_HEADER_LEN { MESSAGE_HEADER_LEN - cut } else { raw.len() - cut };
        assert_eq!(split_message(&raw[..cut]), Split::Incomplete { need });
    }
    let Split::Message { message, rest: [] } = split_message(&raw) else { panic!("expected a message") };
    assert_eq!((message.typ, message.body, message.raw), (HandshakeType::CERTIFICATE, &raw[4..], &raw[..]));
    assert_eq!(message_length([1, 0xff, 0xff, 0xff]), (HandshakeType::CLIENT_HELLO, 0xff_ffff + 4));
}
