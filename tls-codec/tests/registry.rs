//! Tests of the IANA registries.

use std::fmt::Debug;

use strata_tls_codec::{registry::*, *};

#[test]
fn tables_are_sorted_and_complete() {
    assert!(cipher_suites().is_sorted_by_key(|known| known.suite));
    fn check<T: Ord + Debug>(table: &[(T, &str)], count: usize) {
        assert!(table.is_sorted_by(|a, b| a.0 < b.0), "{table:?}");
        assert_eq!(table.len(), count, "{table:?}");
    }
    let registered = cipher_suites().iter().filter(|known| known.recommended != Recommendation::Unregistered);
    assert_eq!((registered.count(), cipher_suites().len()), (356, 363));
    check(named_groups(), 59);
    check(signature_schemes(), 49);
    check(extension_types(), 64 + 7);
    check(alert_descriptions(), 37);
}

#[test]
fn registered_names_are_those_of_the_constants() {
    fn check<T: Copy + Debug>(
        known: &[T],
        name: impl Fn(T) -> Option<&'static str>,
        registered: impl Fn(T) -> Option<&'static str>,
    ) {
        for value in known {
            // The registry avoids "master" since RFC 9846.
            let name = name(*value).map(|name| name.replace("extended_master_secret", "extended_main_secret"));
            assert_eq!(name.as_deref(), registered(*value), "{value:?}");
        }
    }
    check(CipherSuite::KNOWN, CipherSuite::name, CipherSuite::registered_name);
    check(NamedGroup::KNOWN, NamedGroup::name, NamedGroup::registered_name);
    check(SignatureScheme::KNOWN, SignatureScheme::name, SignatureScheme::registered_name);
    check(ExtensionType::KNOWN, ExtensionType::name, ExtensionType::registered_name);
    check(AlertDescription::KNOWN, AlertDescription::name, AlertDescription::registered_name);
}

#[test]
fn unknown_values_have_no_registered_name() {
    assert_eq!(CipherSuite(0x1a1a).info(), None);
    assert_eq!(NamedGroup(0xffff).registered_name(), None);
    assert_eq!(SignatureScheme(0).registered_name(), None);
    assert_eq!(ExtensionType(40).registered_name(), None);
    assert_eq!(AlertDescription(255).registered_name(), None);
}

#[test]
fn suite_parts_follow_the_rfc() {
    use strata_tls_codec::registry::{Authentication as A, Cipher as C, Hash as H, KeyExchange as K, Mode as M};
    #[rustfmt::skip]
    let expected = [
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", K::Rsa, A::Rsa, C::Rc4, M::Stream, 40, Some(H::Md5), Some(H::Sha256)),
        ("TLS_RSA_EXPORT1024_WITH_DES_CBC_SHA", K::Rsa, A::Rsa, C::Des, M::Cbc, 56, Some(H::Sha1), Some(H::Sha256)),
        ("TLS_DH_anon_WITH_AES_128_CBC_SHA", K::Dhe, A::Anonymous, C::Aes, M::Cbc, 128, Some(H::Sha1), Some(H::Sha256)),
        ("TLS_DH_RSA_WITH_AES_256_GCM_SHA384", K::Dh, A::Rsa, C::Aes, M::Gcm, 256, None, Some(H::Sha384)),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", K::Ecdhe, A::Ecdsa, C::Aes, M::Cbc, 256, Some(H::Sha384), Some(H::Sha384)),
        ("TLS_RSA_WITH_AES_128_CCM_8", K::Rsa, A::Rsa, C::Aes, M::Ccm8, 128, None, Some(H::Sha256)),
        ("TLS_PSK_DHE_WITH_AES_128_CCM_8", K::Dhe, A::Psk, C::Aes, M::Ccm8, 128, None, Some(H::Sha256)),
        ("TLS_RSA_PSK_WITH_NULL_SHA", K::Rsa, A::RsaAndPsk, C::Null, M::None, 0, Some(H::Sha1), Some(H::Sha256)),
        ("TLS_SRP_SHA_DSS_WITH_3DES_EDE_CBC_SHA", K::Srp, A::Dss, C::TripleDes, M::Cbc, 168, Some(H::Sha1), Some(H::Sha256)),
        ("TLS_CHACHA20_POLY1305_SHA256", K::Negotiated, A::Negotiated, C::ChaCha20Poly1305, M::Aead, 256, None, Some(H::Sha256)),
        ("TLS_AEGIS_128L_SHA256", K::Negotiated, A::Negotiated, C::Aegis, M::Aead, 128, None, Some(H::Sha256)),
        ("TLS_SM4_CCM_SM3", K::Negotiated, A::Negotiated, C::Sm4, M::Ccm, 128, None, Some(H::Sm3)),
        ("TLS_SHA384_SHA384", K::Negotiated, A::Negotiated, C::Null, M::None, 0, Some(H::Sha384), Some(H::Sha384)),
        ("TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC", K::Gost, A::Gost, C::Kuznyechik, M::CtrOmac, 256, None, Some(H::Streebog256)),
        ("TLS_GOSTR341112_256_WITH_MAGMA_MGM_S", K::Negotiated, A::Negotiated, C::Magma, M::Mgm, 256, None, Some(H::Streebog256)),
        ("TLS_FALLBACK_SCSV", K::None, A::None, C::Null, M::None, 0, None, None),
    ];
    for (name, key_exchange, authentication, cipher, mode, key_bits, mac, hash) in expected {
        let info = CipherSuiteInfo::from_name(name).unwrap();
        assert_eq!(info.suite.info(), Some(info));
        assert_eq!((info.key_exchange, info.authentication), (key_exchange, authentication), "{name}");
        assert_eq!((info.cipher, info.mode, info.key_bits), (cipher, mode, key_bits), "{name}");
        assert_eq!((info.mac, info.hash), (mac, hash), "{name}");
    }
}

#[test]
fn recommended_suites_are_forward_secret_aead() {
    let recommended = || cipher_suites().iter().filter(|known| known.recommended == Recommendation::Yes);
    assert_eq!(recommended().count(), 24);
    for suite in recommended() {
        assert!(suite.is_aead(), "{suite}");
        assert!(suite.is_forward_secret() || suite.key_exchange == KeyExchange::Negotiated, "{suite}");
    }
}
