use super::*;

fn section(body: &[u8]) -> Section<'_> {
    Section { label: b"X", body, number: 1, line: 1 }
}

fn decoded(body: &[u8]) -> Result<Vec<u8>, PemError> {
    section(body).decode().map(|bytes| bytes.to_vec())
}

#[test]
fn base64_characters_have_their_values() {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for character in 0..=255 {
        let at = alphabet.iter().position(|known| *known == character);
        assert_eq!(digit(character), at.map(|at| u32::try_from(at).unwrap()), "{character}");
    }
}

/// RFC 4648 §10.
#[test]
fn rfc_4648_vectors() {
    for (text, bytes) in
        [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmFy", "foobar")]
    {
        assert_eq!(decoded(text.as_bytes()).unwrap(), bytes.as_bytes());
        assert_eq!(decoded(text.trim_end_matches('=').as_bytes()).unwrap(), bytes.as_bytes());
        let spread: String = text.chars().map(|c| format!(" {c}\r\n\t")).collect();
        assert_eq!(decoded(spread.as_bytes()).unwrap(), bytes.as_bytes());
    }
    for wrong in ["Z", "Zg=", "Zg===", "Zm8==", "Zm9v=", "Zg==Zg==", "Zm9v!", "Zm-_", "====", "Z\u{e9}==", "Zm9vY"] {
        assert_eq!(decoded(wrong.as_bytes()).unwrap_err().fault(), PemFault::NotBase64, "{wrong}");
    }
}

#[test]
fn decoding_never_reallocates() {
    for length in 0..200 {
        if let Ok(bytes) = section(&vec![b'A'; length]).decode() {
            assert!(bytes.len() <= (length / 4 + 1) * 3, "{length}");
        }
    }
}

/// The labels of whole sections and the errors, in order.
fn read(file: &[u8]) -> Vec<String> {
    Sections::new(file)
        .map(|found| found.map_or_else(|e| e.to_string(), |section| section.place().to_string()))
        .collect()
}

#[test]
fn sections_are_found_between_other_text() {
    let file = b"text\n-----BEGIN A B----- \r\nAAAA\r\n-----END A B-----\rmore\n-----BEGIN C-----\nnot base64\n\
                 -----END C----- trailing";
    let sections: Vec<_> = Sections::new(file).map(Result::unwrap).collect();
    assert_eq!(sections.iter().map(Section::label).collect::<Vec<_>>(), [&b"A B"[..], b"C"]);
    assert_eq!(*sections[0].decode().unwrap(), [0, 0, 0]);
    assert_eq!(
        sections[1].decode().unwrap_err().to_string(),
        format!("section 2 (C) at line 6: {}", PemFault::NotBase64)
    );
    assert!(Sections::new(b"not PEM, -----END of text, --- BEGIN of more ---").next().is_none());
}

/// At the start of a file, and where files that have one were joined.
#[test]
fn byte_order_marks_are_skipped() {
    let one = &b"\xef\xbb\xbf-----BEGIN A-----\nAAAA\n-----END A-----\n"[..];
    assert_eq!(read(&[one, one].concat()), ["section 1 (A) at line 1", "section 2 (A) at line 4"]);
}

#[test]
fn headers_are_skipped() {
    for file in [
        &b"-----BEGIN A-----\nProc-Type: 4,CLEAR\nX: y\n z\n\nAAAA\n-----END A-----\n"[..],
        b"-----BEGIN A-----\r\nComment: c\r\n \r\nAAAA\r\n-----END A-----\r\n",
    ] {
        assert_eq!(*Sections::new(file).next().unwrap().unwrap().decode().unwrap(), [0, 0, 0]);
    }
    let unended = b"-----BEGIN A-----\nComment: c\nAAAA\n-----END A-----\n";
    assert!(Sections::new(unended).next().unwrap().unwrap().decode().is_err());
}

/// Nothing is skipped without an error, and what follows an error is read.
#[test]
fn damaged_section_is_an_error_and_the_next_is_read() {
    const B: &str = "-----BEGIN B-----\n-----END B-----\n";
    let cases = [
        // Two files without a newline between them.
        (
            "-----BEGIN A-----\n-----END A----------BEGIN C-----\nAAAA\n-----END C-----\n",
            2,
            "(A) at line 1",
            PemFault::BadBegin,
            "section 2 (C) at line 2",
        ),
        ("text\n  -----BEGIN A-----\n  -----END A-----\n", 1, "", PemFault::BadBegin, "section 1 (A) at line 2"),
        ("-----BEGIN A----\nAAAA\n-----END A-----\n", 1, "", PemFault::BadBegin, "section 1 (A) at line 1"),
        ("-----BEGIN A------\nAAAA\n-----END A-----\n", 1, "", PemFault::BadBegin, "section 1 (A) at line 1"),
        ("-----BEGIN A\nAAAA\n-----END A-----\n", 1, "", PemFault::BadBegin, "section 1 (A) at line 1"),
        ("-----BEGIN A-----\nAAAA\n-----END C-----\n", 1, "", PemFault::OtherEnd, "section 1 (A) at line 1"),
        ("\n\r\r\n-----BEGIN A-----\nAAAA\n", 1, "", PemFault::NoEnd, "section 1 (A) at line 4"),
        ("AAAA\n-----END A-----\n", 1, "", PemFault::NoBegin, "section 1 (A) at line 2"),
        (
            "----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            1,
            "",
            PemFault::BadMark,
            "section 1 (CERTIFICATE) at line 1",
        ),
        (
            "\u{2014}\u{2013}-BEGIN CERTIFICATE\u{2014}\nAAAA\n\u{2014}-END CERTIFICATE\u{2014}\n",
            1,
            "",
            PemFault::BadMark,
            "section 1 (CERTIFICATE) at line 1",
        ),
        (
            "-----Begin Private Key-----\nAAAA\n-----End Private Key-----\n",
            1,
            "",
            PemFault::BadMark,
            "section 1 (Private Key) at line 1",
        ),
        (
            "----- BEGIN X509 CRL -----\nAAAA\n----- END X509 CRL -----\n",
            1,
            "",
            PemFault::BadMark,
            "section 1 (X509 CRL) at line 1",
        ),
    ];
    for (file, before, whole, fault, place) in cases {
        let found = read(format!("{file}{B}").as_bytes());
        let (last, found) = found.split_last().unwrap();
        assert!(last.starts_with(&format!("section {} (B)", before + 1)), "{file}: {last}");
        let (error, wholes) = found.split_last().unwrap();
        assert_eq!(*error, format!("{place}: {fault}"), "{file}");
        assert_eq!(wholes.len(), before - 1, "{file}");
        assert!(wholes.iter().all(|found| found.ends_with(whole)), "{wholes:?}");
    }
    assert_eq!(read(b"-----BEGIN A-----"), [format!("section 1 (A) at line 1: {}", PemFault::NoEnd)]);
}

/// Whatever the lines are: each is read at most twice, and begins at most two sections.
#[test]
fn reading_takes_linear_work() {
    let pieces = [
        "-----BEGIN A-----\n",
        "-----END A-----\n",
        "-----END A----------BEGIN A-----\n",
        "----BEGIN CERTIFICATE----\n",
        "AAAA\n",
        "-----BEGIN A\r",
        "\r\n",
    ];
    let repeated = pieces.map(|piece| piece.repeat(5000));
    let pairs = pieces.iter().flat_map(|one| pieces.map(|other| format!("{one}{other}").repeat(2500)));
    for file in pairs.chain(repeated) {
        let mut sections = Sections::new(file.as_bytes());
        let places: Vec<_> =
            sections.by_ref().map(|found| found.map_or_else(|e| e.place().line(), |found| found.line)).collect();
        assert!(sections.lines <= 5000 && sections.lines_read <= 2 * sections.lines, "{}", sections.lines_read);
        assert!(places.is_sorted() && places.len() <= 2 * sections.lines, "{}", places.len());
    }
}

#[test]
fn place_shows_a_bounded_escaped_label() {
    let label = "\u{1b}".repeat(100);
    let place = read(format!("-----BEGIN {label}-----").as_bytes()).remove(0);
    assert!(place.starts_with(&format!("section 1 ({}) at", "\\x1b".repeat(LABEL))), "{place}");
}

#[test]
fn debug_shows_no_content() {
    let file = b"-----BEGIN A-----\nAAAA\n-----END A-----\n";
    let sections = Sections::new(file);
    let section = sections.clone().next().unwrap().unwrap();
    assert_eq!(format!("{sections:?} {section:?}"), "Sections { .. } Section { label: \"A\", .. }");
}
