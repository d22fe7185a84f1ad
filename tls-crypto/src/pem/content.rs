//! What a section contains, by its label.

use super::{PemError, PemFault, Section, Sections};

/// The content of a section, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// A certificate. Under the label `TRUSTED CERTIFICATE`, OpenSSL's trust settings follow it.
    Certificate,
    /// A private key, possibly encrypted or in an unsupported format.
    PrivateKey,
    /// A CRL.
    Crl,
    /// A bundle (PKCS#7) of certificates and CRLs.
    Bundle,
    /// Another known content: a public key, parameters, a certificate request, a session.
    Other,
    /// The label is unknown.
    Unknown,
}

impl Content {
    /// Returns what a section with this label contains. The labels are those of RFC 7468 and
    /// OpenSSL.
    #[must_use]
    pub fn of(label: &[u8]) -> Self {
        match label {
            b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE" => Self::Certificate,
            b"X509 CRL" | b"CRL" => Self::Crl,
            b"PRIVATE KEY" => Self::PrivateKey,
            b"PKCS7" | b"PKCS #7 SIGNED DATA" | b"CMS" => Self::Bundle,
            b"CERTIFICATE REQUEST"
            | b"NEW CERTIFICATE REQUEST"
            | b"PUBLIC KEY"
            | b"ATTRIBUTE CERTIFICATE"
            | b"SSL SESSION PARAMETERS"
            | b"ECHCONFIG" => Self::Other,
            // `RSA PRIVATE KEY`, `EC PRIVATE KEY`, `ENCRYPTED PRIVATE KEY`, …
            _ if label.ends_with(b" PRIVATE KEY") => Self::PrivateKey,
            _ if label.ends_with(b" PUBLIC KEY") || label.ends_with(b" PARAMETERS") => Self::Other,
            _ if label.starts_with(b"SERVERINFO FOR ") => Self::Other,
            _ => Self::Unknown,
        }
    }
}

/// Iterates over the sections of `file` that contain `wanted`, and over bundles that may. Skips
/// sections that are known to contain something else.
///
/// # Errors
/// As [`Sections`]; [`PemFault::UnknownLabel`] for a section that may contain what is wanted.
///
/// ```
/// use strata_tls_crypto::pem::{self, Content};
///
/// let file = b"-----BEGIN X509 CRL-----\nAQID\n-----END X509 CRL-----\n\
///              -----BEGIN CERTIFICATE-----\nBA==\n-----END CERTIFICATE-----\n";
/// let section = pem::sections(file, Content::Certificate).next().ok_or("none")??;
/// assert_eq!(section.place().to_string(), "section 2 (CERTIFICATE) at line 4");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sections(file: &[u8], wanted: Content) -> impl Iterator<Item = Result<Section<'_>, PemError>> {
    Sections::new(file).filter_map(move |section| {
        let section = match section {
            Ok(section) => section,
            Err(e) => return Some(Err(e)),
        };
        match Content::of(section.label()) {
            content if content == wanted => Some(Ok(section)),
            Content::Unknown => Some(Err(section.error(PemFault::UnknownLabel))),
            Content::Bundle if wanted != Content::PrivateKey => Some(Ok(section)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(label: &str) -> String {
        format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n")
    }

    #[test]
    fn every_label_of_a_content_is_found() {
        for (wanted, labels) in [
            (Content::Certificate, &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"][..]),
            (Content::Crl, &["X509 CRL"]),
            (Content::PrivateKey, &["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"]),
        ] {
            for label in labels {
                let file = format!("{}{}{}", made("EC PARAMETERS"), made(label), made("PUBLIC KEY"));
                let found: Vec<_> = sections(file.as_bytes(), wanted).map(|section| section.unwrap().place()).collect();
                assert_eq!(found.len(), 1, "{label}");
                assert_eq!((found[0].section(), found[0].line(), found[0].label()), (2, 4, *label));
            }
        }
    }

    #[test]
    fn sections_that_may_be_wanted_are_errors() {
        for wanted in [Content::Certificate, Content::PrivateKey, Content::Crl] {
            for label in ["CERTIFICTE", ""] {
                let file = made(label);
                let found: Vec<_> = sections(file.as_bytes(), wanted).collect();
                assert_eq!(found[0].as_ref().unwrap_err().fault(), PemFault::UnknownLabel, "{label}");
            }
            let bundle = made("PKCS7");
            let found: Vec<_> = sections(bundle.as_bytes(), wanted).collect();
            assert_eq!(found.len(), usize::from(wanted != Content::PrivateKey));
        }
    }
}
