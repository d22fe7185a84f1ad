//! When a chain ends: as much DER as it takes to find that, and no more.

use pki_types::CertificateDer;
use tls_codec::Reader;

/// Returns when the first certificate of a chain ends, in seconds since 1970; `None` if one cannot be read, or there is none.
///
/// All count that the peer sent, also those that the path did not need: what vouched for the leaf is among them, and a session that ends
/// too early costs a full handshake.
pub(crate) fn chain_end(chain: &[CertificateDer<'_>]) -> Option<u64> {
    let mut first = None;
    for certificate in chain {
        let end = not_after(certificate)?;
        first = Some(first.map_or(end, |first: u64| first.min(end)));
    }
    first
}

/// notAfter of a certificate (RFC 5280 §4.1.2.5), in seconds since 1970; `None` if it cannot be read.
///
/// Whoever judged the chain has checked the rest of the certificate, or does not care for it.
fn not_after(certificate: &[u8]) -> Option<u64> {
    let mut r = Reader::new(certificate);
    let mut certificate = expect(&mut r, SEQUENCE)?;
    r.finish().ok()?;
    let mut tbs = expect(&mut certificate, SEQUENCE)?;
    // version DEFAULT v1, then serialNumber, signature and issuer, then validity (RFC 5280 §4.1).
    if tbs.peek().first() == Some(&VERSION) {
        expect(&mut tbs, VERSION)?;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        expect(&mut tbs, tag)?;
    }
    let mut validity = expect(&mut tbs, SEQUENCE)?;
    time(&mut validity)?;
    let end = time(&mut validity)?;
    validity.finish().ok()?;
    end
}

/// A value with this tag: what is in it.
fn expect<'a>(r: &mut Reader<'a>, tag: u8) -> Option<Reader<'a>> {
    let (found, value) = element(r)?;
    (found == tag).then_some(value)
}

/// A tag and the value behind it. All lengths are as short as they can be (X.690 §10.1), and below 2^24.
fn element<'a>(r: &mut Reader<'a>) -> Option<(u8, Reader<'a>)> {
    let tag = r.u8().ok()?;
    let length = match r.u8().ok()? {
        short @ 0..=0x7f => u32::from(short),
        0x81 => at_least(0x80, r.u8().ok()?.into())?,
        0x82 => at_least(0x100, r.u16().ok()?.into())?,
        0x83 => at_least(0x1_0000, r.u24().ok()?)?,
        _ => return None,
    };
    Some((tag, Reader::new(r.bytes(usize::try_from(length).ok()?).ok()?)))
}

fn at_least(least: u32, length: u32) -> Option<u32> {
    (length >= least).then_some(length)
}

/// A time, if it is one, and the seconds since 1970 if it is not before.
fn time(r: &mut Reader<'_>) -> Option<Option<u64>> {
    let (tag, mut value) = element(r)?;
    let year = match tag {
        UTC_TIME => match two_digits(&mut value)? {
            // RFC 5280 §4.1.2.5.1.
            late @ 50.. => 1900 + late,
            early => 2000 + early,
        },
        GENERALIZED_TIME => two_digits(&mut value)? * 100 + two_digits(&mut value)?,
        _ => return None,
    };
    let month = two_digits(&mut value)?;
    let day = two_digits(&mut value)?;
    let [hour, minute, second] = [two_digits(&mut value)?, two_digits(&mut value)?, two_digits(&mut value)?];
    if value.rest() != b"Z" || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if !(1..=days_of(year, month)?).contains(&day) {
        return None;
    }
    let days = days_before(year, month)? + day - 1;
    let since_1970 = u64::from(days).checked_sub(u64::from(DAYS_BEFORE_1970));
    let of_day = u64::from((hour * 60 + minute) * 60 + second);
    Some(since_1970.map(|days| days * 86_400 + of_day))
}

fn two_digits(r: &mut Reader<'_>) -> Option<u32> {
    let [tens, ones] = *r.array::<2>().ok()?;
    Some(char::from(tens).to_digit(10)? * 10 + char::from(ones).to_digit(10)?)
}

/// Days from the beginning of the year 0 to the first of this month.
fn days_before(year: u32, month: u32) -> Option<u32> {
    // Of the years before this one, the year 0 is the first leap year.
    let leap_days = year.div_ceil(4) + year.div_ceil(400) - year.div_ceil(100);
    let of_months = (1..month).map(|month| days_of(year, month)).sum::<Option<u32>>()?;
    Some(year * 365 + leap_days + of_months)
}

fn days_of(year: u32, month: u32) -> Option<u32> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => Some(29),
        2 => Some(28),
        _ => None,
    }
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT`.
const VERSION: u8 = 0xa0;

const DAYS_BEFORE_1970: u32 = 719_528;

#[cfg(test)]
mod tests {
    use super::*;

    /// A self-signed certificate that ends as this day begins.
    fn ending(year: i32, month: u8, day: u8) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(1960, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, month, day);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn der(tag: u8, value: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(value.len()).unwrap()], value].concat()
    }

    /// A certificate of version 1, as far as it is looked at.
    fn with_time(tag: u8, text: &str) -> Vec<u8> {
        let validity = der(SEQUENCE, &[der(UTC_TIME, b"700101000000Z"), der(tag, text.as_bytes())].concat());
        let tbs = [der(INTEGER, &[1]), der(SEQUENCE, b""), der(SEQUENCE, b""), validity].concat();
        der(SEQUENCE, &der(SEQUENCE, &tbs))
    }

    #[test]
    fn certificates_end_when_their_maker_said() {
        // date -u -d … +%s
        let cases = [
            ((1970, 1, 1), 0),
            ((1999, 12, 31), 946_598_400),
            ((2000, 2, 29), 951_782_400),
            ((2024, 3, 1), 1_709_251_200),
            ((2038, 1, 20), 2_147_558_400),
            // The last year of UTCTime, and the first of GeneralizedTime.
            ((2049, 12, 31), 2_524_521_600),
            ((2050, 1, 1), 2_524_608_000),
            ((2100, 3, 1), 4_107_542_400),
            ((4096, 1, 1), 67_090_118_400),
        ];
        for ((year, month, day), seconds) in cases {
            assert_eq!(not_after(&ending(year, month, day)), Some(seconds), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn chain_ends_with_its_first_certificate_that_ends() {
        let [early, late] = [ending(2030, 1, 1), ending(2040, 1, 1)];
        let end = not_after(&early);
        let chain = |certificates: &[&Vec<u8>]| {
            chain_end(&certificates.iter().map(|der| CertificateDer::from(der.as_slice())).collect::<Vec<_>>())
        };
        for certificates in [&[&early][..], &[&early, &late], &[&late, &early], &[&late, &late, &early]] {
            assert_eq!(chain(certificates), end);
        }
        assert_eq!(chain(&[&late]), not_after(&late));
        assert_eq!([chain(&[]), chain(&[&early, &vec![0]]), chain(&[&vec![0], &early])], [None; 3]);
    }

    #[test]
    fn both_forms_of_time_are_read_to_the_second() {
        let cases = [
            (UTC_TIME, "700101000000Z", 0),
            (UTC_TIME, "491231235959Z", 2_524_607_999),
            (GENERALIZED_TIME, "19700101000001Z", 1),
            (GENERALIZED_TIME, "20500101000000Z", 2_524_608_000),
            // RFC 5280 §4.1.2.5: it has no well-defined end.
            (GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
        ];
        for (tag, text, seconds) in cases {
            assert_eq!(not_after(&with_time(tag, text)), Some(seconds), "{text}");
        }
    }

    #[test]
    fn years_of_utc_time_from_50_on_are_of_the_last_century_and_may_be_before_1970() {
        assert_eq!(not_after(&with_time(UTC_TIME, "991231235959Z")), Some(946_684_799));
        for text in ["500101000000Z", "691231235959Z"] {
            assert_eq!(not_after(&with_time(UTC_TIME, text)), None, "{text}");
        }
        assert_eq!(not_after(&with_time(GENERALIZED_TIME, "00000101000000Z")), None);
    }

    #[test]
    fn what_is_no_time_of_the_rfc_is_not_read() {
        let utc = [
            "20240301000000Z",
            "240301000000",
            "2403010000Z",
            "240301000000+0000",
            "240301000000z",
            "240301000000ZZ",
            "240001000000Z",
            "241301000000Z",
            "240300000000Z",
            "240332000000Z",
            "230229000000Z",
            "240230000000Z",
            "240431000000Z",
            "240301240000Z",
            "240301006000Z",
            "240301000060Z",
            "24030100000aZ",
            "+40301000000Z",
            "",
        ];
        for text in utc {
            assert_eq!(not_after(&with_time(UTC_TIME, text)), None, "{text}");
        }
        for text in ["240301000000Z", "20240301000000.5Z", "20240301000000", "21000229000000Z", "2024030100Z"] {
            assert_eq!(not_after(&with_time(GENERALIZED_TIME, text)), None, "{text}");
        }
        assert_eq!(not_after(&with_time(0x16, "240301000000Z")), None);
    }

    #[test]
    fn no_part_of_a_certificate_is_read_as_a_whole_one() {
        let certificate = ending(2050, 1, 1);
        for end in 0..certificate.len() {
            assert_eq!(not_after(&certificate[..end]), None, "{end}");
        }
        let mut longer = certificate;
        longer.push(0);
        assert_eq!(not_after(&longer), None);
    }

    #[test]
    fn parts_of_another_kind_have_no_end() {
        const OCTETS: u8 = 0x04;
        let validity =
            |more: &[u8]| [&der(UTC_TIME, b"700101000000Z"), &der(UTC_TIME, b"240301000000Z"), more].concat();
        let certificate = |tags: [u8; 6], more: &[u8]| {
            let [whole, tbs, serial, signature, issuer, times] = tags;
            let parts = [der(serial, &[1]), der(signature, b""), der(issuer, b""), der(times, &validity(more))];
            der(whole, &der(tbs, &parts.concat()))
        };
        let tags = [SEQUENCE, SEQUENCE, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE];
        assert!(not_after(&certificate(tags, b"")).is_some());
        for at in 0..tags.len() {
            let mut other = tags;
            other[at] = OCTETS;
            assert_eq!(not_after(&certificate(other, b"")), None, "{at}");
        }
        assert_eq!(not_after(&certificate(tags, &der(UTC_TIME, b"250301000000Z"))), None);
    }

    #[test]
    fn lengths_that_are_longer_than_need_be_or_endless_are_not_read() {
        let inner = with_time(UTC_TIME, "240301000000Z");
        let (_, body) = inner.split_at(2);
        let length = u8::try_from(body.len()).unwrap();
        assert!(length < 0x80 && not_after(&inner).is_some());
        for head in [&[0x81, length][..], &[0x82, 0, length], &[0x83, 0, 0, length], &[0x84, 0, 0, 0, length], &[0x80]]
        {
            assert_eq!(not_after(&[&[SEQUENCE], head, body].concat()), None, "{head:x?}");
        }
    }

    #[test]
    fn garbage_has_no_end_and_no_flipped_bit_is_a_panic() {
        for garbage in [&b""[..], b"0", b"\x30\x80", b"\x30\x00", b"\x30\x02\x30\x00", &[0xff; 64], &[0x30; 64]] {
            assert_eq!(not_after(garbage), None);
        }
        let certificate = ending(2030, 6, 1);
        let end = not_after(&certificate).unwrap();
        let mut unchanged = 0;
        for bit in 0..certificate.len() * 8 {
            let mut flipped = certificate.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            unchanged += usize::from(not_after(&flipped) == Some(end));
        }
        // What comes behind the validity is not looked at: names, key, signature. Its frame is.
        assert!(unchanged > 0 && unchanged < (certificate.len() - 20) * 8);
    }
}
