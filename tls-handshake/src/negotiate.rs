//! Selection of parameters that both sides support: suite, group, signature scheme, application
//! protocol. Conversions between code points and algorithms.

use tls_codec::code_points::{CipherSuite, NamedGroup, SignatureScheme};
use tls_codec::handshake::ClientHello;
use tls_codec::list::List;
use tls_crypto::verify::{Algorithm, verifier};
use tls_crypto::{Backend, BulkAlgorithm, Group, SignatureAlgorithm};

use crate::config::Common;
use crate::error::{Error, Excerpt, Illegal};
use crate::identity::Identity;
use crate::suite::SupportedCipherSuite;

/// The signature schemes that are accepted in certificates. They include PKCS#1 v1.5, which signs
/// most public certificates, and exclude SHA-1 and MD5. The last ones need a backend with P-521 and
/// ML-DSA; they come last because few servers have such keys.
pub(crate) const CERTIFICATE_SCHEMES: [SignatureScheme; 13] = [
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::ECDSA_SECP521R1_SHA512,
    SignatureScheme::MLDSA44,
    SignatureScheme::MLDSA65,
    SignatureScheme::MLDSA87,
];

/// Returns the schemes that a backend has. One with P-521 has ML-DSA as well.
pub(crate) fn certificate_schemes(backend: Backend) -> &'static [SignatureScheme] {
    let [common @ .., _, _, _, _] = &CERTIFICATE_SCHEMES;
    match verifier(backend, Algorithm::EcdsaP521Sha512) {
        Some(_) => &CERTIFICATE_SCHEMES,
        None => common,
    }
}

/// Whose preference decides between cipher suites that both sides support.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuitePreference {
    /// The server's order. A client whose first suite uses ChaCha20-Poly1305 gets such a suite,
    /// since it has no fast AES (most inexpensive phones).
    #[default]
    Server,
    /// The client's order.
    Client,
}

/// Selects the suite for a client that offers `offered`, from the usable suites of `ours`.
pub(crate) fn choose_suite(
    preference: SuitePreference,
    ours: &[SupportedCipherSuite],
    usable: &dyn Fn(SupportedCipherSuite) -> bool,
    offered: List<'_, CipherSuite>,
) -> Option<SupportedCipherSuite> {
    let of_ours = |wanted| ours.iter().find(|suite| suite.suite() == wanted && usable(**suite));
    // Skips GREASE values and SCSVs.
    let first = offered.iter().find_map(of_ours);
    let decides = |first: &SupportedCipherSuite| match preference {
        SuitePreference::Client => true,
        SuitePreference::Server => first.bulk() == BulkAlgorithm::ChaCha20Poly1305,
    };
    match first {
        Some(first) if !decides(first) => ours.iter().find(|suite| usable(**suite) && offered.contains(suite.suite())),
        first => first,
    }
    .copied()
}

pub(crate) fn group_id(group: Group) -> NamedGroup {
    NamedGroup(group.id())
}

pub(crate) fn group_of(id: NamedGroup) -> Option<Group> {
    Group::ALL.iter().find(|group| group_id(**group) == id).copied()
}

/// The error of a failed key exchange with a peer's share.
pub(crate) fn key_exchange_error(error: tls_crypto::Error, group: NamedGroup) -> Error {
    match error {
        tls_crypto::Error::Random => Error::Crypto("generating a key share"),
        _ => Illegal::KeyShare(group).into(),
    }
}

/// The error of a server whose identity has no scheme that the client offers. A key that the
/// backend lacks is no fault of the client.
pub(crate) fn no_common_scheme(
    backend: Backend,
    identity: &Identity,
    offered: impl Iterator<Item = SignatureScheme>,
) -> Error {
    match identity.check_key(backend) {
        Ok(()) => Error::NoCommonSignatureScheme { offered: offered.collect(), able: identity.schemes().to_vec() },
        Err(e) => e.into(),
    }
}

/// The signature scheme of a key algorithm.
pub(crate) fn scheme_of(algorithm: SignatureAlgorithm) -> SignatureScheme {
    SignatureScheme(algorithm.id())
}

/// The first item of `preferred` that the other side supports too.
pub(crate) fn first_common<T: Copy>(preferred: &[T], has: &dyn Fn(&T) -> bool) -> Option<T> {
    preferred.iter().find(|item| has(item)).copied()
}

/// Chooses the application protocol in the server's order of preference (RFC 7301 §3.2).
pub(crate) fn choose_alpn(common: &Common, hello: &ClientHello<'_>) -> Result<Option<Vec<u8>>, Error> {
    let ours = common.alpn.as_slice();
    let Some(theirs) = hello.extensions.alpn else {
        return if common.require_alpn { Err(Error::AlpnRequired) } else { Ok(None) };
    };
    if ours.is_empty() {
        return Ok(None);
    }
    match ours.iter().find(|name| theirs.iter().any(|their| their.0 == name.as_slice())) {
        Some(name) => Ok(Some(name.clone())),
        None => {
            let offered: Excerpt<&[u8]> = theirs.iter().map(|name| name.0).collect();
            Err(Error::NoCommonAlpn { offered: offered.map(<[u8]>::to_vec), enabled: ours.to_vec() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_codec::Reader;

    #[test]
    fn groups_have_registered_code_points() {
        for &group in Group::ALL {
            assert_eq!(group_of(group_id(group)), Some(group));
        }
        let default: Vec<_> = Group::DEFAULT.iter().map(|group| group_id(*group)).collect();
        let classical = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
        let hybrid: &[NamedGroup] = if cfg!(feature = "post-quantum") { &[NamedGroup::X25519MLKEM768] } else { &[] };
        assert_eq!(default, [hybrid, &classical].concat());
        assert_eq!(group_of(NamedGroup::X448), None);
    }

    #[test]
    fn sha1_schemes_are_unsupported() {
        assert!(!CERTIFICATE_SCHEMES.contains(&SignatureScheme::RSA_PKCS1_SHA1));
        assert!(!CERTIFICATE_SCHEMES.contains(&SignatureScheme::ECDSA_SHA1));
    }

    #[test]
    fn server_order_decides_unless_chacha20_is_first() {
        const AES: u16 = 0x1301;
        const CHACHA: u16 = 0x1303;
        const GREASE: u16 = 0x0a0a;
        let choose = |preference, ours: &[u16], offered: &[u16]| {
            let ours: Vec<_> = ours.iter().map(|id| SupportedCipherSuite::of(CipherSuite(*id)).unwrap()).collect();
            let offered: Vec<_> = offered.iter().flat_map(|id| id.to_be_bytes()).collect();
            let offered = List::decode_body(Reader::new(&offered)).unwrap();
            choose_suite(preference, &ours, &|suite| suite.tls13().is_some(), offered).map(|suite| suite.suite().0)
        };
        let ours = [AES, 0x1302, CHACHA];
        assert_eq!(choose(SuitePreference::Server, &ours, &[0x1302, AES, CHACHA]), Some(AES));
        assert_eq!(choose(SuitePreference::Client, &ours, &[0x1302, AES, CHACHA]), Some(0x1302));
        assert_eq!(choose(SuitePreference::Server, &ours, &[GREASE, CHACHA, AES]), Some(CHACHA));
        assert_eq!(choose(SuitePreference::Server, &[AES], &[CHACHA, AES]), Some(AES));
        assert_eq!(choose(SuitePreference::Server, &ours, &[GREASE]), None);
    }
}
