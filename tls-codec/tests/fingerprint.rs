//! Tests of JA3 and JA4, against published examples.

mod samples;

use samples::{all, written};
use strata_tls_codec::{fingerprint::*, lenient::LenientClientHello, *};

/// The body of a ClientHello.
fn body(version: u16, suites: &[u16], extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    written(|w| {
        w.u16(version)?;
        w.bytes(&[7; 32])?;
        w.vec8(|_| Ok(()))?;
        w.vec16(|w| suites.iter().try_for_each(|suite| w.u16(*suite)))?;
        w.vec8(|w| w.u8(0))?;
        if extensions.is_empty() {
            return Ok(());
        }
        w.vec16(|w| extensions.iter().try_for_each(|(typ, data)| w.extension_bytes(ExtensionType(*typ), data)))
    })
}

/// A list of values with a length of two bytes.
fn list16(values: &[u16]) -> Vec<u8> {
    written(|w| w.vec16(|w| values.iter().try_for_each(|value| w.u16(*value))))
}

/// The data of an ALPN extension.
fn alpn(names: &[&[u8]]) -> Vec<u8> {
    written(|w| w.vec16(|w| names.iter().try_for_each(|name| w.vec8_bytes(name))))
}

/// Numbers in hexadecimal, separated by commas.
fn numbers(list: &str) -> Vec<u16> {
    list.split(',').map(|number| u16::from_str_radix(number, 16).unwrap()).collect()
}

/// A Chrome-like hello with these extensions in this order, and GREASE values.
fn chrome(extensions: &str, groups: &[u16]) -> Vec<u8> {
    let suites = "2a2a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035";
    let data = |typ| match typ {
        0x0000 => vec![0, 14, 0, 0, 11, b'e', b'x', b'a', b'm', b'p', b'l', b'e', b'.', b'c', b'o', b'm'],
        0x000a => list16(groups),
        0x000b => vec![1, 0],
        0x000d => list16(&numbers("0403,0804,0401,0503,0805,0501,0806,0601")),
        0x0010 => alpn(&[b"h2", b"http/1.1"]),
        0x002b => vec![6, 0x6a, 0x6a, 3, 4, 3, 3],
        _ => vec![],
    };
    let listed = numbers(extensions).into_iter().map(|typ| (typ, data(typ)));
    let all: Vec<_> = [(0x0a0a, vec![])].into_iter().chain(listed).chain([(0xfafa, vec![0])]).collect();
    body(0x0303, &numbers(suites), &all)
}

fn text(write: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull>) -> String {
    String::from_utf8(written(write)).unwrap()
}

fn ja4_raw(hello: &LenientClientHello<'_>) -> String {
    text(|w| write_ja4_raw(hello, Transport::Tcp, w))
}

fn ja3_text(hello: &LenientClientHello<'_>) -> String {
    text(|w| write_ja3(hello, w))
}

/// The example of JA4's specification.
#[test]
fn ja4_of_the_specification_matches() {
    let extensions = "001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015";
    let body = chrome(extensions, &[0x1a1a, 0x1d, 0x17, 0x18]);
    let hello = ClientHello::lenient(&body).unwrap();
    let sorted = "t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_\
         0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_\
         0403,0804,0401,0503,0805,0501,0806,0601";
    assert_eq!(ja4_raw(&hello), sorted);
    let original = "t13d1516h2_1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035_\
         001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015_\
         0403,0804,0401,0503,0805,0501,0806,0601";
    assert_eq!(text(|w| write_ja4_raw_original_order(hello, Transport::Tcp, w)), original);
    #[cfg(feature = "fingerprint")]
    {
        assert_eq!(ja4(hello, Transport::Tcp), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(ja4_original_order(hello, Transport::Tcp), "t13d1516h2_acb858a92679_18f69afefd3d");
    }
}

/// What a public checker reported for Chrome 143.
#[test]
fn fingerprints_of_chrome_143_match() {
    let extensions = "002d,0033,0010,fe0d,0017,44cd,0000,000b,000a,002b,ff01,0023,0012,0005,000d,001b";
    let body = chrome(extensions, &[0xdada, 4588, 29, 23, 24]);
    let hello = ClientHello::lenient(&body).unwrap();
    let order = "45-51-16-65037-23-17613-0-11-10-43-65281-35-18-5-13-27";
    let suites = "4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53";
    assert_eq!(ja3_text(&hello), format!("771,{suites},{order},4588-29-23-24,0"));
    #[cfg(feature = "fingerprint")]
    {
        assert_eq!(ja3(hello), "98487aa16281980e7d1120d399efb6a4");
        assert_eq!(ja4(hello, Transport::Tcp), "t13d1516h2_8daaf6152771_d8a2da3f94cd");
        assert_eq!(ja4_original_order(hello, Transport::Tcp), "t13d1516h2_acb858a92679_f96a17c57971");
        assert_eq!(ja4(hello, Transport::Tcp).to_string().len(), 36);
    }
}

/// The hello of FoxIO's capture quic-tls-handshake.pcapng, and the fingerprint that FoxIO
/// publishes.
#[test]
fn ja4_of_a_quic_capture_matches() {
    const HELLO: &str = "010001250303383d3bcc378f2dad654f7b937409876967b41befe42ba1acdebb\
        8b9445787b84000006130113021303010000f6002d00020101001b0003020002\
        446900050003026833000d001400120403080404010503080505010806060102\
        01002b000302030400000013001100000e7777772e676f6f676c652e636f6d\
        000a00080006001d0017001800390067040480f000000f000604806000000302\
        45c0050480600000712702502480ff73db0c00000001aada0a7a000000010802\
        40647128045256434d07048060000020048001000009024067d71be2ff92c99e\
        fc060efac8e782f2800047520400000001010480007530001000050003026833\
        003300260024001d00201dab42d2c5adfce8c137239e8de6b042bbd706b97af5\
        dc7331dae4b80d1c5937";
    let message: Vec<u8> =
        (0..HELLO.len()).step_by(2).map(|at| u8::from_str_radix(&HELLO[at..at + 2], 16).unwrap()).collect();
    let handshake::Split::Message { message, rest: [] } = handshake::split_message(&message) else {
        panic!("expected one message")
    };
    let hello: ClientHello<'_> = message.decode().unwrap();
    assert!(text(|w| write_ja4_raw(hello, Transport::Quic, w)).starts_with("q13d0310h3_1301,1302,1303_"));
    #[cfg(feature = "fingerprint")]
    assert_eq!(ja4(hello, Transport::Quic), "q13d0310h3_55b375c5d22e_cd85d2d88918");
}

/// The two examples of JA3's README.
#[test]
fn ja3_of_the_readme_matches() {
    let extensions = [(0, vec![]), (10, list16(&[23, 24, 25])), (11, vec![1, 0])];
    let suites = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4];
    let body = body(769, &suites, &extensions);
    let hello = ClientHello::lenient(&body).unwrap();
    assert_eq!(ja3_text(&hello), "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
    let body = self::body(769, &[4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], &[]);
    let without = ClientHello::lenient(&body).unwrap();
    assert_eq!(ja3_text(&without), "769,4-5-10-9-100-98-3-6-19-18-99,,,");
    #[cfg(feature = "fingerprint")]
    {
        assert_eq!(ja3(hello), "ada70206e40642a3e4461f35503241d5");
        assert_eq!(ja3(without), "de350869b8c85de67a350c8d186f11e6");
    }
}

#[test]
fn ja3s_lists_version_suite_and_extensions() {
    let body = written(|w| {
        w.u16(0x0303)?;
        w.bytes(&[7; 32])?;
        w.vec8(|_| Ok(()))?;
        w.u16(0xc02f)?;
        w.u8(0)?;
        w.vec16(|w| {
            w.extension_bytes(ExtensionType::RENEGOTIATION_INFO, &[0])?;
            w.extension_bytes(ExtensionType::ALPN, &[0, 3, 2, b'h', b'2'])
        })
    });
    let hello = ServerHello::lenient(&body).unwrap();
    assert_eq!(text(|w| write_ja3s(hello, w)), "771,49199,65281-16");
    let strict: ServerHello<'_> = decode_all(&body).unwrap();
    assert_eq!(text(|w| write_ja3s(strict, w)), "771,49199,65281-16");
}

/// The table of JA4's specification, and the protocol names with one character or none.
#[test]
fn ja4_shows_the_ends_of_the_first_protocol() {
    let names: [(&[u8], &str); 9] = [
        (b"h2", "h2"),
        (b"http/1.1", "h1"),
        (b"x", "xx"),
        (b"", "00"),
        (&[0xab], "ab"),
        (&[0xab, 0xcd], "ad"),
        (&[0x30, 0xab], "3b"),
        (&[0x30, 0x31, 0xab, 0xcd], "3d"),
        (&[0x30, 0xab, 0xcd, 0x31], "01"),
    ];
    for (name, expected) in names {
        let body = body(0x0303, &[0x1301], &[(16, alpn(&[name, b"http/1.1"]))]);
        let hello = ClientHello::lenient(&body).unwrap();
        assert_eq!(ja4_raw(&hello), format!("t12i0101{expected}_1301_"), "{name:02x?}");
    }
    for malformed in [vec![], vec![0], vec![0, 0], vec![0, 9, 2, b'h']] {
        let body = body(0x0303, &[0x1301], &[(16, malformed)]);
        assert_eq!(ja4_raw(&ClientHello::lenient(&body).unwrap()), "t12i010100_1301_");
    }
}

#[test]
fn ja4_shows_the_newest_version() {
    let cases: [(u16, &[u16], Transport, &str); 12] = [
        (0x0303, &[0x0304, 0x0303], Transport::Tcp, "t13"),
        (0x0303, &[0x0303, 0xaaaa, 0x0304], Transport::Quic, "q13"),
        (0x0303, &[0x0302], Transport::Tcp, "t11"),
        (0x0303, &[0x7f1c, 0x0303], Transport::Tcp, "t00"),
        (0x0302, &[0x1a1a], Transport::Tcp, "t11"),
        (0x0301, &[], Transport::Tcp, "t10"),
        (0x0300, &[], Transport::Tcp, "ts3"),
        (0x0002, &[], Transport::Tcp, "ts2"),
        (0x0305, &[], Transport::Tcp, "t00"),
        (0xfeff, &[], Transport::Dtls, "dd1"),
        (0xfefd, &[], Transport::Dtls, "dd2"),
        (0xfefd, &[0xfefd, 0xfefc], Transport::Dtls, "dd3"),
    ];
    for (legacy, supported, transport, expected) in cases {
        let data = written(|w| w.vec8(|w| supported.iter().try_for_each(|version| w.u16(*version))));
        let extensions = if supported.is_empty() { vec![] } else { vec![(43, data)] };
        let body = body(legacy, &[0x1301], &extensions);
        let hello = ClientHello::lenient(&body).unwrap();
        let text = text(|w| write_ja4_raw(hello, transport, w));
        assert!(text.starts_with(expected), "{text}: {legacy:04x} {supported:04x?}");
    }
}

#[test]
fn hello_of_grease_only_has_empty_parts() {
    let body = body(0x0303, &[0x1a1a], &[(0x2a2a, vec![]), (0, vec![]), (16, vec![])]);
    let hello = ClientHello::lenient(&body).unwrap();
    assert_eq!(ja4_raw(&hello), "t12d000200__");
    #[cfg(feature = "fingerprint")]
    assert_eq!(ja4(hello, Transport::Tcp), "t12d000200_000000000000_000000000000");
}

/// Long lists take another path, which must sort alike.
#[test]
fn ja4_sorts_lists_of_any_length() {
    for count in [1_u16, 2, 99, 100, 127, 128, 129, 1000, 9000] {
        let mut suites: Vec<u16> = (0..count).map(|at| at.wrapping_mul(40503) % 3000).collect();
        let body = body(0x0303, &suites, &[]);
        let hello = ClientHello::lenient(&body).unwrap();
        suites.sort_unstable();
        let sorted: Vec<_> = suites.iter().filter(|suite| !CipherSuite(**suite).is_grease()).collect();
        let list: Vec<_> = sorted.iter().map(|suite| format!("{suite:04x}")).collect();
        let expected = format!("t12i{:02}0000_{}_", sorted.len().min(99), list.join(","));
        assert_eq!(ja4_raw(&hello), expected, "{count}");
    }
}

#[test]
fn strict_and_lenient_hellos_have_the_same_fingerprint() {
    for sample in all().iter().filter(|sample| sample.typ == HandshakeType::CLIENT_HELLO) {
        let strict: ClientHello<'_> = decode_all(&sample.body).unwrap();
        let lenient = ClientHello::lenient(&sample.body).unwrap();
        assert_eq!(text(|w| write_ja4_raw(strict, Transport::Tcp, w)), ja4_raw(&lenient));
        assert_eq!(text(|w| write_ja3(strict, w)), ja3_text(&lenient));
        #[cfg(feature = "fingerprint")]
        assert_eq!(ja4(strict, Transport::Tcp), ja4(lenient, Transport::Tcp));
    }
}

#[test]
fn text_that_does_not_fit_is_not_written() {
    let body = chrome("0000,000a,000d", &[29]);
    let hello = ClientHello::lenient(&body).unwrap();
    let whole = ja4_raw(&hello);
    let mut storage = [0; 512];
    for room in 0..whole.len() {
        let mut w = Writer::new(&mut storage[..room]);
        assert_eq!(write_ja4_raw(hello, Transport::Tcp, &mut w), Err(BufferFull));
        assert_eq!(w.written(), b"");
    }
    let mut w = Writer::new(&mut storage[..whole.len()]);
    assert_eq!(write_ja4_raw(hello, Transport::Tcp, &mut w), Ok(()));
    assert_eq!(w.written(), whole.as_bytes());
    assert_eq!(write_ja3(hello, &mut Writer::new(&mut storage[..10])), Err(BufferFull));
}
