//! `--diagnose`: finds out what a server offers and what is wrong with it.
//!
//! ```text
//! attempt  one recorded connection          survey      one question per connection
//! hello    offers of what is not supported  resumption  sessions, twice
//! certificates, advice, remarks             verdicts and what to do about them
//! report   sections for people              json        for programs      html  a page
//! ```

mod advice;
mod attempt;
mod certificates;
mod hello;
mod html;
mod json;
mod remarks;
mod report;
mod resumption;
mod survey;

use std::fs;
use std::io::Write;
use std::sync::Arc;

use strata_tls::codec::List;
use strata_tls::pki_types::CertificateDer;
use strata_tls::{CertificateError, ClientConfig, Error, Refusal, ServerVerifier, Session, Stapled, UnixTime};

use self::advice::{Finding, Level};
use self::attempt::{Attempt, Dialer, End, Goal};
use self::certificates::Certificate;
use self::resumption::{Resumption, Sessions};
use self::survey::{Survey, Surveyor};
use crate::arguments::{Arguments, Target};
use crate::capture::Secrets;
use crate::options::{Context, Failure};

/// Everything that was found out.
struct Diagnosis {
    host: String,
    port: u16,
    /// The name that the certificate must have.
    name: String,
    address: Option<String>,
    /// The first connection, made with the options of the command line.
    first: Attempt,
    chain: Vec<Certificate>,
    ocsp: Ocsp,
    /// The protocol that the server selects from h2 and http/1.1.
    web: Option<Vec<u8>>,
    /// `None` if the server does not speak TLS.
    survey: Option<Survey>,
    resumption: Resumption,
    /// Problems first.
    findings: Vec<Finding>,
    /// The number of connections made.
    connections: u32,
    /// Why it stopped before the end.
    stopped: Option<&'static str>,
    now: UnixTime,
}

/// The stapled OCSP response.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ocsp {
    None,
    Good,
    Bad(String),
    /// The chain was rejected, so its issuer is not known.
    NotChecked,
}

pub(crate) fn run(
    arguments: &Arguments,
    target: &Target,
    config: ClientConfig,
    verifier: &ServerVerifier,
) -> Result<(), Failure> {
    let diagnosis = diagnose(arguments, target, config, verifier)?;
    if let Some(path) = &arguments.html {
        fs::write(path, html::page(&diagnosis)).context(format!("cannot write --html {}", path.display()))?;
    }
    let text = if arguments.json { json::text(&diagnosis) } else { report::text(&diagnosis) };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")?;
    match diagnosis.problem() {
        Some(problem) => Err(Failure::new(format!("{}: {}", diagnosis.place(), problem.what))),
        None => Ok(()),
    }
}

fn diagnose(
    arguments: &Arguments,
    target: &Target,
    mut config: ClientConfig,
    verifier: &ServerVerifier,
) -> Result<Diagnosis, Failure> {
    let now = UnixTime::now();
    config.set_sct_request(true);
    // Only to learn the server's limit: this one is the largest.
    if arguments.protocol.record_size_limit.is_none() && arguments.max_fragment_length.is_none() {
        config.set_record_size_limit(Some(16_385)).context("record_size_limit")?;
    }
    let sessions = Arc::new(Sessions::default());
    let mut dialer = Dialer::new(&target.host, target.port, arguments.timeout);
    let secrets = Secrets::before(arguments.protocol.key_log()?);
    let mut with_sessions = config.clone();
    with_sessions.set_session_storage(Arc::clone(&sessions) as _);
    let first = dialer.handshake(&with_sessions, secrets, &target.name, Goal::Tickets);

    let refusal = match &first.end {
        End::Failed(e) => match &**e {
            Error::Certificate(refusal) => Some(refusal),
            _ => None,
        },
        _ => None,
    };
    let verified = first.is_established() || refusal.is_some();
    let chain = first.facts().chain.as_slice();
    let chain = if verified { certificates::describe(chain, refusal, now) } else { Vec::new() };
    let ocsp = ocsp(&first, verifier, target, refusal, now);
    let speaks_tls = match &first.end {
        End::NotConnected(_) | End::NotTried(_) => false,
        End::Failed(e) if matches!(**e, Error::Config(_)) => false,
        End::Silent => first.facts().version.is_some(),
        _ => first.facts().not_tls.is_none(),
    };
    let mut web = None;
    let survey = speaks_tls.then(|| {
        let surveyor = Surveyor { dialer: &mut dialer, config: &config, name: &target.name, sni: !arguments.no_sni };
        surveyor.run(first.facts())
    });
    if survey.as_ref().is_some_and(Survey::has_common_version) {
        let mut offers = config.clone();
        offers.set_alpn_protocols(["h2", "http/1.1"]).context("ALPN")?;
        web = dialer.handshake(&offers, Secrets::default(), &target.name, Goal::Answer).facts().alpn.clone();
    }
    let resumption = match &survey {
        Some(survey) if first.is_established() => {
            resumption::test(&mut dialer, &config, &with_sessions, &sessions, target, &first, survey)
        }
        Some(survey) => match (refusal, first.facts().chain.first()) {
            (Some(_), Some(leaf)) => match certificates::valid_time(&chain, now) {
                Some(then) => resumption::test_rejected(&mut dialer, &config, target, leaf, then, survey),
                None => Resumption::not_tested("the certificates are never valid at the same time"),
            },
            _ => Resumption::not_tested("the first connection failed"),
        },
        None => Resumption::not_tested("there is no connection"),
    };
    let mut diagnosis = Diagnosis {
        host: target.host.clone(),
        port: target.port,
        name: target.name.to_str().into_owned(),
        address: dialer.address.map(|address| address.to_string()),
        first,
        chain,
        ocsp,
        web,
        survey,
        resumption,
        findings: Vec::new(),
        connections: dialer.made,
        stopped: dialer.stopped(),
        now,
    };
    diagnosis.findings = remarks::all(&diagnosis);
    diagnosis.findings.sort_by_key(|finding| finding.level);
    Ok(diagnosis)
}

/// Checks the stapled OCSP response as `--require-ocsp` does.
fn ocsp(first: &Attempt, verifier: &ServerVerifier, target: &Target, refusal: Option<&Refusal>, now: UnixTime) -> Ocsp {
    let facts = first.facts();
    let Some(response) = &facts.ocsp else { return Ocsp::None };
    if let Some(CertificateError::Ocsp(e)) = refusal.map(|refusal| &refusal.why) {
        return Ocsp::Bad(e.to_string());
    }
    if !first.is_established() {
        return Ocsp::NotChecked;
    }
    let mut strict = verifier.clone();
    strict.set_ocsp_policy(strata_tls::OcspPolicy::Require);
    strict.set_ct_policy(None);
    let chain: Vec<CertificateDer<'_>> = facts.chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    match strict.verify(&chain, &target.name, &Stapled::new(Some(response), List::empty()), now) {
        Ok(()) => Ocsp::Good,
        Err(refusal) => Ocsp::Bad(refusal.why.to_string()),
    }
}

impl Diagnosis {
    fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// The first finding, if it is a problem.
    fn problem(&self) -> Option<&Finding> {
        self.findings.first().filter(|finding| finding.level == Level::Problem)
    }

    /// The findings that [`verdict`](Self::verdict) does not state.
    fn other_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().skip(usize::from(self.problem().is_some()))
    }

    /// The result in one sentence.
    fn verdict(&self) -> String {
        let warnings = self.findings.iter().filter(|finding| finding.level == Level::Warning).count();
        match self.problem() {
            Some(problem) => problem.what.clone(),
            None => {
                let facts = self.first.facts();
                let version = facts.version.map(|version| version.to_string()).unwrap_or_default();
                let session = self.first.session.as_ref();
                let certificate = match session.and_then(|session| session.peer_certificates()) {
                    Some(_) => format!(", and its certificate is valid for {}", self.name),
                    None => String::new(),
                };
                let warnings = match warnings {
                    0 => String::new(),
                    1 => "; 1 warning".into(),
                    n => format!("; {n} warnings"),
                };
                format!("the server speaks {version}{certificate}{warnings}")
            }
        }
    }

    /// `ok`, `warning` or `problem`.
    fn result(&self) -> &'static str {
        match self.findings.first().map(|finding| finding.level) {
            Some(Level::Problem) => "problem",
            Some(Level::Warning) => "warning",
            Some(Level::Note) | None => "ok",
        }
    }
}
