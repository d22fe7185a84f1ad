//! A root, an intermediate and a leaf for `localhost`, all P-256.

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// A server's chain and key, and the root that a client trusts.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// Leaf and intermediate, PEM.
    pub chain: String,
    /// The leaf's key, PKCS#8 in PEM.
    pub key: String,
    /// The root, PEM.
    pub root: String,
}

impl Certificates {
    /// Makes them.
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
        Ok(Self { chain: leaf.pem() + &intermediate.pem(), key: key.serialize_pem(), root: root.pem() })
    }
}

fn authority(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new([])?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}
