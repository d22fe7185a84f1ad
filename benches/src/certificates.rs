//! A root, an intermediate and a leaf for `localhost`, all P-256, and another leaf with an RSA key.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData as _,
};

use crate::{
    LeafKey,
    limit::{Material, Signed},
};

/// The server's chains and keys, and the root that the client trusts.
#[derive(Clone, Debug)]
pub struct Certificates {
    p256: Pem,
    rsa: Pem,
    /// The root, PEM.
    pub root: String,
    parts: Parts,
}

/// A chain and the leaf's key.
#[derive(Clone, Debug)]
pub struct Pem {
    /// Leaf and intermediate, PEM.
    pub chain: String,
    /// The leaf's key, PKCS#8 in PEM.
    pub key: String,
}

/// Not secret: also a fixture of the tests. ring, and so rcgen, does not generate RSA keys.
const RSA_KEY: &str = include_str!("../../tls-api/tests/data/rsa2048-test-key.pem");

/// The inputs of the bare primitives.
#[derive(Clone, Debug)]
struct Parts {
    pkcs8: Vec<u8>,
    leaf_key: Vec<u8>,
    chain: Vec<Signed>,
    der_lengths: Vec<usize>,
}

impl Certificates {
    /// Generates the certificates.
    ///
    /// # Panics
    /// If the random number generator fails.
    #[must_use]
    pub fn make() -> Self {
        Self::try_make().expect("certificates can be made")
    }

    fn try_make() -> Result<Self, rcgen::Error> {
        let root_key = KeyPair::generate()?;
        let root_params = authority("Bench Root")?;
        let root = root_params.self_signed(&root_key)?;
        let root_issuer = Issuer::new(root_params, root_key);

        let intermediate_key = KeyPair::generate()?;
        let intermediate_params = authority("Bench Intermediate")?;
        let intermediate = intermediate_params.signed_by(&intermediate_key, &root_issuer)?;
        let issuer = Issuer::new(intermediate_params, intermediate_key);

        let key = KeyPair::generate()?;
        let leaf: Certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &issuer)?;
        let parts = Parts {
            pkcs8: key.serialize_der(),
            leaf_key: key.der_bytes().to_vec(),
            chain: vec![signed(leaf.der(), issuer.key()), signed(intermediate.der(), root_issuer.key())],
            der_lengths: vec![leaf.der().len(), intermediate.der().len()],
        };
        let p256 = Pem { chain: leaf.pem() + &intermediate.pem(), key: key.serialize_pem() };
        let key = KeyPair::from_pem(RSA_KEY)?;
        let leaf = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &issuer)?;
        let rsa = Pem { chain: leaf.pem() + &intermediate.pem(), key: RSA_KEY.to_owned() };
        Ok(Self { p256, rsa, root: root.pem(), parts })
    }

    /// Returns the chain with a leaf of this key.
    #[must_use]
    pub const fn with(&self, key: LeafKey) -> &Pem {
        match key {
            LeafKey::P256 => &self.p256,
            LeafKey::Rsa2048 => &self.rsa,
        }
    }

    /// Returns the inputs of the bare primitives.
    pub(crate) fn material(&self) -> Material {
        Material::new(&self.parts.pkcs8, &self.parts.leaf_key, &self.parts.chain)
    }

    /// Returns the lengths of the chain's certificates.
    pub(crate) fn der_lengths(&self) -> impl Iterator<Item = usize> {
        self.parts.der_lengths.iter().copied()
    }
}

/// Splits a certificate into its signature and the signed bytes (RFC 5280 §4.1): SEQUENCE {
/// SEQUENCE { … }, SEQUENCE { … }, BIT STRING }.
fn signed(certificate: &[u8], issuer: &KeyPair) -> Signed {
    let (header, length) = head(certificate);
    let body = &certificate[header..header + length];
    let (header, length) = head(body);
    let (message, rest) = body.split_at(header + length);
    let (header, length) = head(rest);
    let bits = &rest[header + length..];
    // The first byte is the number of unused bits in the last byte: zero.
    let signature = &bits[head(bits).0 + 1..];
    Signed { message: message.to_vec(), signature: signature.to_vec(), key: issuer.der_bytes().to_vec() }
}

/// Returns the lengths of an element's header and contents.
fn head(der: &[u8]) -> (usize, usize) {
    match der[1..] {
        [length @ ..=0x7f, ..] => (2, usize::from(length)),
        [0x81, length, ..] => (3, usize::from(length)),
        [0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => panic!("unsupported length of an element"),
    }
}

fn authority(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new([])?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}
