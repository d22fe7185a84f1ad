//! The certificates or CRLs of a file: PEM sections, one in DER, and those of bundles.

use zeroize::Zeroizing;

use super::der_kind::Shape;
use super::{Content, PemError, PemFault, Place, Section, sections};
use crate::pkcs7::Bundle;

/// A certificate or CRL of a file.
#[derive(Debug)]
pub struct Entry {
    place: Place,
    der: Zeroizing<Vec<u8>>,
    has_settings: bool,
}

impl Entry {
    /// Returns where the entry is in its file.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns whether OpenSSL's trust settings may follow the certificate, as in a section
    /// `TRUSTED CERTIFICATE`.
    #[must_use]
    pub fn has_settings(&self) -> bool {
        self.has_settings
    }

    /// Returns the DER. It is not checked.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the DER and the place. The DER is not checked.
    #[must_use]
    pub fn into_parts(mut self) -> (Vec<u8>, Place) {
        (std::mem::take(&mut *self.der), self.place)
    }
}

/// Returns whether a file has content of this kind, in PEM or DER. Damaged sections do not count.
#[must_use]
pub fn has(file: &[u8], wanted: Content) -> bool {
    match Shape::of(file) {
        Some(Shape::Certificate) => wanted == Content::Certificate,
        Some(Shape::Crl) => wanted == Content::Crl,
        Some(Shape::PrivateKey | Shape::EncryptedPrivateKey) => wanted == Content::PrivateKey,
        Some(_) => false,
        None => sections(file, wanted).flatten().any(|section| Content::of(section.label()) == wanted),
    }
}

/// The encodings of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Only PEM.
    Pem,
    /// PEM or DER, which the content shows.
    PemOrDer,
}

/// Returns whether a file is DER, also if it is damaged. Text never is.
///
/// ```
/// use strata_tls_crypto::pem::is_der;
///
/// assert!(is_der(&[0x30, 3, 2, 1, 7]));
/// assert!(!is_der(b"0 is the first line\n-----BEGIN X-----\n"));
/// ```
#[must_use]
pub fn is_der(file: &[u8]) -> bool {
    Shape::of(file).is_some()
}

/// Returns whether a file is PKCS#12 (`.p12`, `.pfx`), in DER or BER.
///
/// ```
/// use strata_tls_crypto::{der, pem::is_pkcs12};
///
/// let content = der::element(der::SEQUENCE, &[&der::element(der::OBJECT_IDENTIFIER, &[&[42]])]);
/// assert!(is_pkcs12(&der::element(der::SEQUENCE, &[&der::element(der::INTEGER, &[&[3]]), &content])));
/// ```
#[must_use]
pub fn is_pkcs12(file: &[u8]) -> bool {
    Shape::of(file) == Some(Shape::Pkcs12)
}

/// Iterates over the certificates or CRLs of a file, as `wanted` says, including those of its
/// bundles (PKCS#7). Skips what is known to be something else. With [`Encoding::PemOrDer`], the
/// file may also be one certificate, CRL or bundle in DER.
///
/// # Errors
/// As [`sections`]; [`PemFault::BadBundle`] for a bundle that cannot be parsed.
///
/// ```
/// use strata_tls_crypto::pem::{self, Content, Encoding};
///
/// let file = b"-----BEGIN X509 CRL-----\nAQID\n-----END X509 CRL-----\n";
/// let entry = pem::entries(file, Content::Crl, Encoding::Pem).next().ok_or("none")??;
/// assert_eq!(entry.der(), [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn entries(file: &[u8], wanted: Content, encoding: Encoding) -> impl Iterator<Item = Result<Entry, PemError>> {
    let shape = Shape::of(file).filter(|_| encoding == Encoding::PemOrDer);
    let of_der = shape.map(|shape| match (shape, wanted) {
        (Shape::Bundle, _) => of_bundle(file, wanted, &Place::of_file()),
        (Shape::Certificate, Content::Certificate) | (Shape::Crl, Content::Crl) => {
            vec![Ok(Entry { place: Place::of_file(), der: Zeroizing::new(file.to_vec()), has_settings: false })]
        }
        _ => Vec::new(),
    });
    let pem = if of_der.is_some() { &[] } else { file };
    let of_pem = sections(pem, wanted).flat_map(move |section| match section {
        Ok(section) => of_section(&section, wanted),
        Err(e) => vec![Err(e)],
    });
    of_der.unwrap_or_default().into_iter().chain(of_pem)
}

fn of_section(section: &Section<'_>, wanted: Content) -> Vec<Result<Entry, PemError>> {
    let der = match section.decode() {
        Ok(der) => der,
        Err(e) => return vec![Err(e)],
    };
    if Content::of(section.label()) == Content::Bundle {
        return of_bundle(&der, wanted, &section.place());
    }
    vec![Ok(Entry { place: section.place(), der, has_settings: section.label() == b"TRUSTED CERTIFICATE" })]
}

fn of_bundle(bundle: &[u8], wanted: Content, place: &Place) -> Vec<Result<Entry, PemError>> {
    let Some(bundle) = Bundle::read(bundle) else {
        return vec![Err(PemError { place: place.clone(), fault: PemFault::BadBundle })];
    };
    let entries = if wanted == Content::Crl { bundle.crls } else { bundle.certificates };
    let entry = |(at, der): (usize, &[u8])| {
        let place = Place { part: Some(at.saturating_add(1)), ..place.clone() };
        Ok(Entry { place, der: Zeroizing::new(der.to_vec()), has_settings: false })
    };
    entries.into_iter().enumerate().map(entry).collect()
}
