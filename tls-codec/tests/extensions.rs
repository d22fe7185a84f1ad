//! Tests of extensions and the extension block.

mod samples;

use samples::{client_hello_fields, reencode, server_hello_fields, written};
use strata_tls_codec::{
    extension::{Place, *},
    handshake::HELLO_RETRY_REQUEST_RANDOM,
    *,
};

/// Checks the output of `write`: the type, and that every truncation and a surplus byte are
/// rejected. Returns the data.
fn data_of<E: Extension>(write: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull>) -> Vec<u8> {
    let whole = written(write);
    let (head, data) = whole.split_at(4);
    assert_eq!(head[..2], E::TYPE.0.to_be_bytes());
    assert_eq!(usize::from(u16::from_be_bytes([head[2], head[3]])), data.len());
    for cut in 0..data.len() {
        assert!(view::<E>(Reader::new(&data[..cut])).is_err(), "{} cut at {cut}", E::TYPE);
    }
    let surplus = [data, &[0]].concat();
    let error = view::<E>(Reader::new(&surplus)).map(drop).unwrap_err();
    assert_eq!(error.fault, Fault::TrailingData, "{}", E::TYPE);
    assert!(!error.at.is_empty(), "{} names no field", E::TYPE);
    data.to_vec()
}

fn fault_of<E: Extension>(data: &[u8]) -> Option<Fault> {
    view::<E>(Reader::new(data)).err().map(|error| error.fault)
}

/// Checks that a list of fixed-size values round-trips, and that an empty list and half an element
/// are rejected.
macro_rules! list_extension {
    ($test:ident, $extension:ty, $values:expr, $length_bytes:literal) => {
        #[test]
        fn $test() {
            let values = $values;
            let data = data_of::<$extension>(|w| <$extension>::write(w, &values));
            assert!(view::<$extension>(Reader::new(&data)).unwrap().iter().eq(values));
            assert_eq!(fault_of::<$extension>(&[0; $length_bytes]), Some(Fault::BadLength));
        }
    };
}

list_extension!(supported_versions_round_trip, SupportedVersions, [ProtocolVersion::TLS13, ProtocolVersion(0x7a7a)], 1);
list_extension!(supported_groups_round_trip, SupportedGroups, [NamedGroup::X25519, NamedGroup::X25519MLKEM768], 2);
list_extension!(signature_algorithms_round_trip, SignatureAlgorithms, [SignatureScheme::ED25519], 2);
list_extension!(signature_algorithms_cert_round_trip, SignatureAlgorithmsCert, [SignatureScheme::ED448], 2);
list_extension!(psk_key_exchange_modes_round_trip, PskKeyExchangeModes, [PskKeyExchangeMode::PSK_KE], 1);
list_extension!(compress_certificate_round_trip, CompressCertificate, [CertificateCompressionAlgorithm::ZSTD], 1);
list_extension!(client_certificate_type_round_trip, ClientCertificateType, [CertificateType::X509], 1);
list_extension!(server_certificate_type_round_trip, ServerCertificateType, [CertificateType::RAW_PUBLIC_KEY], 1);
list_extension!(ec_point_formats_round_trip, EcPointFormats, [EcPointFormat::UNCOMPRESSED], 1);

#[test]
fn list_of_two_byte_values_has_an_even_length() {
    assert_eq!(fault_of::<SupportedGroups>(&[0, 3, 0, 29, 0]), Some(Fault::BadLength));
    assert_eq!(fault_of::<SignatureAlgorithms>(&[0, 3, 0, 29, 0]), Some(Fault::BadLength));
    assert_eq!(fault_of::<SupportedVersions>(&[3, 3, 4, 3]), Some(Fault::BadLength));
    assert_eq!(fault_of::<SupportedVersions>(&[1, 3]), Some(Fault::BadLength));
}

#[test]
fn alpn_name_has_1_to_255_bytes() {
    let data = data_of::<Alpn>(|w| Alpn::write(w, &["h2", "http/1.1"]));
    let names: Vec<_> = view::<Alpn>(Reader::new(&data)).unwrap().iter().map(|name| name.0).collect();
    assert_eq!(names, [&b"h2"[..], b"http/1.1"]);
    assert_eq!(fault_of::<Alpn>(&[0, 0]), Some(Fault::BadLength));
    assert_eq!(fault_of::<Alpn>(&[0, 2, 0, 0]), Some(Fault::BadLength));
    assert_eq!(fault_of::<Alpn>(&[0, 2, 2, b'h']), Some(Fault::Truncated));
    let mut out = Vec::new();
    assert_eq!(Alpn::write(&mut Writer::append(&mut out), &[[0; 256]]), Err(BufferFull));
    assert!(out.is_empty());
}

#[test]
fn server_selects_exactly_one_alpn_name() {
    let data = data_of::<SelectedAlpn>(|w| SelectedAlpn::write(w, b"h2"));
    assert_eq!(view::<SelectedAlpn>(Reader::new(&data)), Ok(ProtocolName(b"h2")));
    assert_eq!(fault_of::<SelectedAlpn>(&[0, 4, 1, b'a', 1, b'b']), Some(Fault::IllegalValue));
    assert_eq!(fault_of::<SelectedAlpn>(&[0, 0]), Some(Fault::BadLength));
}

#[test]
fn server_name_has_one_name_of_each_type_at_most() {
    let data = data_of::<ServerNameList<'_>>(|w| ServerNameList::write(w, "a.example"));
    let list = decode_all::<ServerNameList<'_>>(&data).unwrap();
    assert_eq!(list.host_name(), Some(&b"a.example"[..]));
    assert_eq!(list.to_vec().unwrap(), data);
    let fault = |data: &[u8]| fault_of::<ServerNameList<'_>>(data);
    assert_eq!(fault(&[0, 0]), Some(Fault::BadLength));
    assert_eq!(fault(&[0, 3, 0, 0, 0]), Some(Fault::BadLength));
    assert_eq!(fault(&[0, 8, 0, 0, 1, b'a', 0, 0, 1, b'b']), Some(Fault::IllegalValue));
    assert_eq!(fault(&[0, 6, 9, 0, 0, 9, 0, 0]), Some(Fault::IllegalValue));
    let other = decode_all::<ServerNameList<'_>>(&[0, 8, 9, 0, 1, 5, 0, 0, 1, b'a']).unwrap();
    assert_eq!(other.host_name(), Some(&b"a"[..]));
    assert_eq!(decode_all::<ServerNameList<'_>>(&[0, 3, 9, 0, 0]).unwrap().host_name(), None);
}

#[test]
fn key_shares_round_trip_in_their_three_forms() {
    let shares: [(NamedGroup, &[u8]); 2] = [(NamedGroup::X25519, &[1; 32]), (NamedGroup::SECP256R1, &[4; 65])];
    let data = data_of::<KeyShareClientHello>(|w| KeyShareClientHello::write(w, &shares));
    let list = view::<KeyShareClientHello>(Reader::new(&data)).unwrap();
    assert!(list.iter().map(|share| (share.group, share.key_exchange)).eq(shares));
    let none = data_of::<KeyShareClientHello>(|w| KeyShareClientHello::write(w, &[]));
    assert!(view::<KeyShareClientHello>(Reader::new(&none)).unwrap().is_empty(), "an empty list is rejected");
    assert_eq!(fault_of::<KeyShareClientHello>(&[0, 4, 0, 29, 0, 0]), Some(Fault::BadLength));

    let data = data_of::<KeyShareServerHello>(|w| KeyShareServerHello::write(w, NamedGroup::X25519, &[1; 32]));
    let share = view::<KeyShareServerHello>(Reader::new(&data)).unwrap();
    assert_eq!(share, KeyShareEntry { group: NamedGroup::X25519, key_exchange: &[1; 32] });
    let data = data_of::<KeyShareHelloRetryRequest>(|w| KeyShareHelloRetryRequest::write(w, NamedGroup::X448));
    assert_eq!(view::<KeyShareHelloRetryRequest>(Reader::new(&data)), Ok(NamedGroup::X448));
}

#[test]
fn offered_psks_have_one_binder_per_identity() {
    let identity = PskIdentity { identity: b"x", obfuscated_ticket_age: 5 };
    let data = data_of::<OfferedPsks<'_>>(|w| OfferedPsks::write(w, &[identity; 2], &[[7; 32], [8; 32]]));
    let psks = decode_all::<OfferedPsks<'_>>(&data).unwrap();
    assert_eq!(psks.to_vec().unwrap(), data);
    assert_eq!(psks.binders_wire_len(), 2 + 2 * 33);
    assert!(psks.iter().all(|(psk, binder)| psk == identity && binder.0.len() == 32));
    for binders in [1, 3] {
        let whole = written(|w| OfferedPsks::write(w, &[identity; 2], &vec![[7; 32]; binders]));
        assert_eq!(fault_of::<OfferedPsks<'_>>(&whole[4..]), Some(Fault::IllegalValue));
    }
    let short = written(|w| OfferedPsks::write(w, &[identity], &[&[7; 32][..], &[7; 31]]));
    assert_eq!(fault_of::<OfferedPsks<'_>>(&short[4..]), Some(Fault::BadLength));
    let nameless = PskIdentity { identity: b"", obfuscated_ticket_age: 5 };
    let whole = written(|w| OfferedPsks::write(w, &[nameless, identity], &[[7; 32]; 2]));
    assert_eq!(fault_of::<OfferedPsks<'_>>(&whole[4..]), Some(Fault::BadLength));
    assert_eq!(fault_of::<OfferedPsks<'_>>(&[0, 0, 0, 0]), Some(Fault::BadLength));
}

#[test]
fn extensions_of_a_single_value_round_trip() {
    let data = data_of::<SelectedVersion>(|w| SelectedVersion::write(w, ProtocolVersion::TLS13));
    assert_eq!(view::<SelectedVersion>(Reader::new(&data)), Ok(ProtocolVersion::TLS13));
    let data = data_of::<SelectedPsk>(|w| SelectedPsk::write(w, 3));
    assert_eq!(view::<SelectedPsk>(Reader::new(&data)), Ok(3));
    let data = data_of::<MaxEarlyDataSize>(|w| MaxEarlyDataSize::write(w, 0x0102_0304));
    assert_eq!(view::<MaxEarlyDataSize>(Reader::new(&data)), Ok(0x0102_0304));
    let data =
        data_of::<SelectedClientCertificateType>(|w| SelectedClientCertificateType::write(w, CertificateType::X509));
    assert_eq!(view::<SelectedClientCertificateType>(Reader::new(&data)), Ok(CertificateType::X509));
    let data =
        data_of::<SelectedServerCertificateType>(|w| SelectedServerCertificateType::write(w, CertificateType::X509));
    assert_eq!(view::<SelectedServerCertificateType>(Reader::new(&data)), Ok(CertificateType::X509));
    let data = data_of::<Cookie>(|w| Cookie::write(w, b"state"));
    assert_eq!(view::<Cookie>(Reader::new(&data)), Ok(&b"state"[..]));
    assert_eq!(fault_of::<Cookie>(&[0, 0]), Some(Fault::BadLength));
    let data = data_of::<RenegotiationInfo>(|w| RenegotiationInfo::write(w, b"finished"));
    assert_eq!(view::<RenegotiationInfo>(Reader::new(&data)), Ok(&b"finished"[..]));
}

#[test]
fn empty_extensions_reject_data() {
    assert!(data_of::<EarlyData>(EarlyData::write).is_empty());
    assert!(data_of::<PostHandshakeAuth>(PostHandshakeAuth::write).is_empty());
    assert!(data_of::<ExtendedMasterSecret>(ExtendedMasterSecret::write).is_empty());
    assert!(data_of::<SignedCertificateTimestamp>(SignedCertificateTimestamp::write).is_empty());
    assert!(data_of::<ServerNameAck>(ServerNameAck::write).is_empty());
}

#[test]
fn record_size_limit_is_at_least_64() {
    let data = data_of::<RecordSizeLimit>(|w| RecordSizeLimit::write(w, 64));
    assert_eq!(view::<RecordSizeLimit>(Reader::new(&data)), Ok(64));
    assert_eq!(fault_of::<RecordSizeLimit>(&[0, 63]), Some(Fault::IllegalValue));
}

#[test]
fn max_fragment_length_keeps_undefined_codes() {
    for (bytes, code) in [(512, 1), (1024, 2), (2048, 3), (4096, 4)] {
        let length = MaxFragmentLength::of(bytes).unwrap();
        let data = data_of::<MaxFragmentLength>(|w| length.write(w));
        assert_eq!(data, [code]);
        assert_eq!(view::<MaxFragmentLength>(Reader::new(&data)), Ok(length));
        assert_eq!(length.bytes(), Some(bytes));
    }
    for code in [0, 5, 255] {
        assert_eq!(view::<MaxFragmentLength>(Reader::new(&[code])), Ok(MaxFragmentLength(code)));
        assert_eq!(MaxFragmentLength(code).bytes(), None);
    }
    for bytes in [0, 64, 511, 513, 8192, 16384] {
        assert_eq!(MaxFragmentLength::of(bytes), None);
    }
    assert_eq!(fault_of::<MaxFragmentLength>(&[1, 1]), Some(Fault::TrailingData));
}

#[test]
fn status_request_of_unknown_type_is_preserved() {
    let data = data_of::<StatusRequest<'_>>(StatusRequest::write);
    assert_eq!(data, [1, 0, 0, 0, 0]);
    let data = [2, 9, 9];
    let request = decode_all::<StatusRequest<'_>>(&data).unwrap();
    assert_eq!(request, StatusRequest::Unknown { status_type: CertificateStatusType(2), request: &[9, 9] });
    assert_eq!(request.to_vec().unwrap(), data);
    let data = [1, 0, 3, 0, 1, 7, 0, 1, 8];
    let request = decode_all::<StatusRequest<'_>>(&data).unwrap();
    let StatusRequest::Ocsp { responder_ids, request_extensions } = request else { panic!("expected an OCSP request") };
    assert_eq!((responder_ids.first(), request_extensions), (Some(ResponderId(&[7])), &[8][..]));
    assert_eq!(request.to_vec().unwrap(), data);
}

#[test]
fn certificate_status_is_nonempty_ocsp() {
    let data = data_of::<CertificateStatus<'_>>(|w| CertificateStatus::write(w, b"response"));
    let status = decode_all::<CertificateStatus<'_>>(&data).unwrap();
    assert_eq!(status.ocsp_response, b"response");
    assert_eq!(status.to_vec().unwrap(), data);
    assert_eq!(fault_of::<CertificateStatus<'_>>(&[2, 0, 0, 1, 7]), Some(Fault::IllegalValue));
    assert_eq!(fault_of::<CertificateStatus<'_>>(&[1, 0, 0, 0]), Some(Fault::BadLength));
}

#[test]
fn nested_opaque_lists_round_trip() {
    let names = [&b"0a"[..], b"0"];
    let data = data_of::<CertificateAuthorities>(|w| CertificateAuthorities::write(w, &names));
    assert!(view::<CertificateAuthorities>(Reader::new(&data)).unwrap().iter().map(|name| name.0).eq(names));
    assert_eq!(fault_of::<CertificateAuthorities>(&[0, 0]), Some(Fault::BadLength));
    assert_eq!(fault_of::<CertificateAuthorities>(&[0, 5, 0, 0, 0, 1, 7]), Some(Fault::BadLength));

    let data = data_of::<SignedCertificateTimestamps>(|w| SignedCertificateTimestamps::write(w, &names));
    assert!(view::<SignedCertificateTimestamps>(Reader::new(&data)).unwrap().iter().map(|sct| sct.0).eq(names));
    assert_eq!(fault_of::<SignedCertificateTimestamps>(&[0, 0]), Some(Fault::BadLength));

    let filter = OidFilter { certificate_extension_oid: &[6, 1, 1], certificate_extension_values: &[5] };
    let data = data_of::<OidFilters>(|w| OidFilters::write(w, &[filter, filter]));
    assert!(view::<OidFilters>(Reader::new(&data)).unwrap().iter().eq([filter, filter]));
    assert_eq!(fault_of::<OidFilters>(&[0, 0]), None);
    assert_eq!(fault_of::<OidFilters>(&[0, 3, 0, 0, 0]), Some(Fault::BadLength));
}

#[test]
fn padding_rejects_nonzero_bytes() {
    let whole = written(|w| Padding::write(w, 3));
    assert_eq!(whole, [0, 21, 0, 3, 0, 0, 0]);
    assert_eq!(view::<Padding>(Reader::new(&whole[4..])), Ok(3));
    assert_eq!(fault_of::<Padding>(&[0, 1]), Some(Fault::IllegalValue));
}

/// Returns the message of each kind with this extension block.
fn message_with(place: Place, block: &[u8]) -> (HandshakeType, Vec<u8>) {
    match place {
        Place::ClientHello => (
            HandshakeType::CLIENT_HELLO,
            written(|w| {
                client_hello_fields(w)?;
                w.vec16(|w| w.bytes(block))
            }),
        ),
        Place::ServerHello | Place::HelloRetryRequest => {
            let random = if place == Place::ServerHello { [8; 32] } else { HELLO_RETRY_REQUEST_RANDOM };
            let body = written(|w| {
                server_hello_fields(w, &random)?;
                w.vec16(|w| w.bytes(block))
            });
            (HandshakeType::SERVER_HELLO, body)
        }
        Place::EncryptedExtensions => (HandshakeType::ENCRYPTED_EXTENSIONS, written(|w| w.vec16(|w| w.bytes(block)))),
        Place::Certificate => (
            HandshakeType::CERTIFICATE,
            written(|w| {
                w.u8(0)?;
                w.vec24(|w| CertificateEntry::write(w, &[1], |w| w.bytes(block)))
            }),
        ),
        Place::CertificateRequest => (
            HandshakeType::CERTIFICATE_REQUEST,
            written(|w| {
                w.u8(0)?;
                w.vec16(|w| w.bytes(block))
            }),
        ),
        Place::NewSessionTicket => (
            HandshakeType::NEW_SESSION_TICKET,
            written(|w| {
                w.bytes(&[0; 9])?;
                w.vec16(|w| w.u8(1))?;
                w.vec16(|w| w.bytes(block))
            }),
        ),
    }
}

const PLACES: [Place; 7] = [
    Place::ClientHello,
    Place::ServerHello,
    Place::HelloRetryRequest,
    Place::EncryptedExtensions,
    Place::Certificate,
    Place::CertificateRequest,
    Place::NewSessionTicket,
];

fn fault_in(place: Place, block: &[u8]) -> Option<Fault> {
    let (typ, body) = message_with(place, block);
    if place == Place::ServerHello {
        let result = decode_all::<ServerHello<'_>>(&body).and_then(|hello| hello.check_tls13());
        return result.err().map(|error| error.fault);
    }
    reencode(typ, &body).err().map(|error| error.fault)
}

#[test]
fn misplaced_extension_is_rejected_in_every_message() {
    // Not in the table of RFC 9846 §4.3, so an endpoint ignores them everywhere.
    let elsewhere = [
        ExtensionType::TOKEN_BINDING,
        ExtensionType::APPLICATION_SETTINGS_OLD,
        ExtensionType::APPLICATION_SETTINGS,
        ExtensionType::TRUST_ANCHORS,
    ];
    let (known, others): (Vec<_>, Vec<_>) = ExtensionType::KNOWN.iter().partition(|typ| typ.places().is_some());
    assert_eq!(others, elsewhere);
    for typ in &known {
        // Without data an allowed extension may be truncated, but is never misplaced.
        let block = written(|w| w.extension(*typ, |_| Ok(())));
        for place in PLACES {
            let fault = fault_in(place, &block);
            let allowed = typ.places().unwrap().contains(&place);
            let tls12_only = place == Place::ServerHello && fault.is_some() && !allowed;
            let misplaced = fault == Some(Fault::MisplacedExtension(*typ));
            assert!(misplaced != allowed || tls12_only, "{typ} in {place:?}: {fault:?}");
        }
    }
}

#[test]
fn tls13_server_hello_rejects_tls12_extensions() {
    let block = written(|w| Alpn::write(w, &["h2"]));
    let expected = Fault::MisplacedExtension(ExtensionType::ALPN);
    assert_eq!(fault_in(Place::ServerHello, &block), Some(expected));
    let (typ, body) = message_with(Place::ServerHello, &block);
    assert_eq!(reencode(typ, &body), Ok(body), "allowed in TLS 1.2");
}

#[test]
fn unknown_extension_is_preserved_in_every_message() {
    let block = written(|w| {
        w.extension(ExtensionType(0x0a0a), |_| Ok(()))?;
        w.extension(ExtensionType(0x1234), |w| w.bytes(b"what"))
    });
    for place in PLACES {
        assert_eq!(fault_in(place, &block), None, "{place:?}");
    }
}

#[test]
fn duplicate_extension_is_rejected_in_every_message() {
    for typ in [ExtensionType(63), ExtensionType(64), ExtensionType(0xffff)] {
        let block = written(|w| {
            w.extension(typ, |_| Ok(()))?;
            w.extension(ExtensionType(0x1234), |_| Ok(()))?;
            w.extension(typ, |w| w.u8(1))
        });
        for place in PLACES {
            assert_eq!(fault_in(place, &block), Some(Fault::DuplicateExtension(typ)), "{place:?}");
        }
    }
}

#[test]
fn duplicate_is_found_among_any_number_of_types() {
    let block = |count: u16, again: Option<u16>| {
        written(|w| {
            w.vec16(|w| {
                (1000..1000 + count).chain(again).try_for_each(|typ| w.extension(ExtensionType(typ), |_| Ok(())))
            })
        })
    };
    for count in [1, 7, 8, 9, 10, 100, 16_000] {
        assert!(decode_all::<Extensions<'_>>(&block(count, None)).is_ok(), "{count}");
        for again in [1000, 1000 + count / 2, 1000 + count - 1] {
            let error = decode_all::<Extensions<'_>>(&block(count, Some(again))).unwrap_err();
            assert_eq!(error.fault, Fault::DuplicateExtension(ExtensionType(again)), "{again} among {count}");
        }
    }
}

#[test]
fn pre_shared_key_must_be_the_last_in_a_client_hello() {
    let identity = PskIdentity { identity: b"x", obfuscated_ticket_age: 0 };
    let last = written(|w| {
        EarlyData::write(w)?;
        OfferedPsks::write(w, &[identity], &[[7; 32]])
    });
    assert_eq!(fault_in(Place::ClientHello, &last), None);
    for typ in [ExtensionType::EARLY_DATA, ExtensionType(0x0a0a)] {
        let followed = written(|w| {
            OfferedPsks::write(w, &[identity], &[[7; 32]])?;
            w.extension(typ, |_| Ok(()))
        });
        assert_eq!(fault_in(Place::ClientHello, &followed), Some(Fault::IllegalValue), "{typ}");
    }
    let anywhere = written(|w| {
        SelectedPsk::write(w, 0)?;
        SelectedVersion::write(w, ProtocolVersion::TLS13)
    });
    assert_eq!(fault_in(Place::ServerHello, &anywhere), None, "any position is allowed in a ServerHello");
}

#[test]
fn block_truncated_or_of_wrong_length_is_rejected() {
    let block = written(|w| w.vec16(|w| w.extension(ExtensionType::COOKIE, |w| w.bytes(&[1, 2, 3]))));
    for cut in 0..block.len() {
        assert!(decode_all::<Extensions<'_>>(&block[..cut]).is_err(), "{cut}");
    }
    for length in (0..=255).filter(|length| *length != 3) {
        let mut wrong = block.clone();
        wrong[5] = length;
        assert!(decode_all::<Extensions<'_>>(&wrong).is_err(), "{length}");
    }
}

#[test]
fn absent_and_empty_blocks_differ() {
    let empty: Extensions<'_> = decode_all(&[0, 0]).unwrap();
    assert!(empty.is_empty() && !empty.is_absent() && Extensions::ABSENT.is_empty());
    assert_ne!(empty, Extensions::ABSENT);
    assert_eq!(empty.to_vec(), Ok(vec![0, 0]));
    assert_eq!(Extensions::ABSENT.to_vec(), Ok(vec![]));
}
