//! Private keys that are encrypted with a password (PKCS#8 EncryptedPrivateKeyInfo, RFC 5958 §3,
//! with PBES2, RFC 8018 §6.2).

use pkcs5::EncryptionScheme;
use pkcs5::pbes2::Kdf;
use zeroize::Zeroizing;

use super::{KeyRejected, sole_section, sole_sequence};
use crate::der::{self, Elements};
use crate::pem;
use crate::secret_bytes::with_zeroized_stack_of;

/// Decrypts the private key of a file, PEM or DER, and returns its DER (PKCS#8). A key that is not
/// encrypted is returned as it is. The memory of the result is overwritten on drop; the caller
/// should also overwrite `file` and `password`.
///
/// Supported is PBES2: PBKDF2 or scrypt, with AES or Triple DES. The work is bounded: at most
/// 10,000,000 iterations of PBKDF2, a few seconds; for scrypt at most 256 MiB of memory, and four
/// times the work that this takes.
///
/// # Errors
/// [`KeyRejected::WrongPassword`]; [`KeyRejected::OldEncryption`] and
/// [`KeyRejected::UnsupportedEncryption`], whose texts name the command that converts the key; and
/// as [`PrivateKey::from_pem`](super::PrivateKey::from_pem).
///
/// ```no_run
/// use strata_tls_crypto::{PrivateKey, decrypt_key};
///
/// let key = PrivateKey::from_bytes(&decrypt_key(&std::fs::read("key.pem")?, b"password")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decrypt_key(file: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyRejected> {
    let mut work = Work::new();
    if pem::is_der(file) {
        return decrypt_pkcs8(file, password, &mut work);
    }
    decrypt_pkcs8(&sole_section(file)?.decode().map_err(KeyRejected::BadPem)?, password, &mut work)
}

/// Decrypts a key in DER. One that is not encrypted is returned as it is.
pub(crate) fn decrypt_pkcs8(key: &[u8], password: &[u8], work: &mut Work) -> Result<Zeroizing<Vec<u8>>, KeyRejected> {
    let mut fields = Elements::new(sole_sequence(key)?);
    let (algorithm, encrypted) = match (fields.expect_whole(der::SEQUENCE), fields.optional(der::OCTET_STRING)) {
        (Some((_, algorithm)), Some(encrypted)) if fields.is_empty() => (algorithm, encrypted),
        _ => return Ok(Zeroizing::new(key.to_vec())),
    };
    let decrypted = decrypt(algorithm, encrypted, password, work)?;
    // One wrong password of 256 leaves valid padding.
    let mut fields = Elements::new(sole_sequence(&decrypted).map_err(|_| KeyRejected::WrongPassword)?);
    match fields.optional(der::INTEGER) {
        Some(_) => Ok(decrypted),
        None => Err(KeyRejected::WrongPassword),
    }
}

/// Decrypts what `algorithm`, an AlgorithmIdentifier, encrypted. The result is not authenticated.
pub(crate) fn decrypt(
    algorithm: &[u8],
    encrypted: &[u8],
    password: &[u8],
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, KeyRejected> {
    let unsupported = || KeyRejected::unsupported_encryption(Elements::new(algorithm).expect(der::SEQUENCE));
    let Ok(EncryptionScheme::Pbes2(scheme)) = EncryptionScheme::try_from(algorithm) else {
        return Err(unsupported());
    };
    work.spend(&scheme.kdf)?;
    let mut buffer = Zeroizing::new(encrypted.to_vec());
    // pkcs5 overwrites neither the derived key nor the state of its ciphers.
    let decrypt = || scheme.decrypt_in_place(password, &mut buffer).map(<[u8]>::len);
    let length = match with_zeroized_stack_of::<STACK, _>(decrypt) {
        Ok(length) => length,
        Err(pkcs5::Error::DecryptFailed) => return Err(KeyRejected::WrongPassword),
        Err(_) => return Err(unsupported()),
    };
    // The plaintext is at the start; Zeroizing overwrites the padding too.
    buffer.truncate(length);
    Ok(buffer)
}

/// The work that a file may still demand.
pub(crate) struct Work {
    iterations: u32,
    scrypt: u64,
}

impl Work {
    pub(crate) fn new() -> Self {
        Self { iterations: MAX_ITERATIONS, scrypt: MAX_SCRYPT_WORK }
    }

    #[cfg(all(test, feature = "pkcs12"))]
    pub(crate) fn of_iterations(iterations: u32) -> Self {
        Self { iterations, scrypt: 0 }
    }

    /// Rejects parameters that take minutes or gigabytes, and those for which scrypt is not
    /// defined.
    fn spend(&mut self, kdf: &Kdf) -> Result<(), KeyRejected> {
        match kdf {
            Kdf::Pbkdf2(pbkdf2) => {
                let got = pbkdf2.iteration_count;
                self.iterate(got).map_err(|limit| too_expensive(format!("PBKDF2 with {got} iterations, but {limit}")))
            }
            Kdf::Scrypt(scrypt) => {
                let (n, r, p) =
                    (scrypt.cost_parameter, u64::from(scrypt.block_size), u64::from(scrypt.parallelization));
                let memory = n.saturating_mul(r).saturating_mul(128);
                let is_defined = n.is_power_of_two() && n > 1 && r > 0 && p > 0 && memory <= MAX_SCRYPT_MEMORY;
                match self.scrypt.checked_sub(memory.saturating_mul(p)) {
                    Some(left) if is_defined => {
                        self.scrypt = left;
                        Ok(())
                    }
                    _ => Err(too_expensive(format!(
                        "scrypt with the parameters N={n}, r={r}, p={p}, but at most 256 MiB are supported"
                    ))),
                }
            }
            _ => Ok(()),
        }
    }

    /// Counts iterations of a hash. On error, returns a text about the limit.
    pub(crate) fn iterate(&mut self, iterations: u32) -> Result<(), String> {
        match self.iterations.checked_sub(iterations) {
            Some(left) if iterations > 0 => {
                self.iterations = left;
                Ok(())
            }
            _ => Err(format!("1 to {MAX_ITERATIONS} are supported in all")),
        }
    }
}

fn too_expensive(what: String) -> KeyRejected {
    KeyRejected::UnsupportedEncryption(what)
}

/// Ten times what OpenSSL's and OWASP's advice for SHA-256 amounts to.
const MAX_ITERATIONS: u32 = 10_000_000;
/// In bytes. OpenSSL writes keys that take 16 MiB.
const MAX_SCRYPT_MEMORY: u64 = 256 << 20;
/// Memory times parallelization.
const MAX_SCRYPT_WORK: u64 = 4 * MAX_SCRYPT_MEMORY;
/// The stack to overwrite after a decryption, in bytes. Derivations and ciphers need a few KiB; the
/// large tables of scrypt are on the heap, and useless without the password.
const STACK: usize = 32 * 1024;
