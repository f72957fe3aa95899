//! Who calls: certificates of every kind, and tokens of every kind.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use sallyport_tests::certs::Authority;
use sallyport_tests::client::Caller;
use sallyport_tests::jwt::Issuer;
use sallyport_tests::process::Scratch;
use serde_json::{Value, json};

/// The host that callers ask for, unless a request says otherwise.
pub(crate) const HOST: &str = "httpbin.legacy.internal";
/// The issuers that the gateway knows.
pub(crate) const ISSUERS: [&str; 3] = ["https://issuer.test", "https://i", "https://i/t"];

/// A caller.
#[derive(Debug)]
pub(crate) struct Who {
    pub(crate) name: &'static str,
    /// The URI names of the certificate.
    pub(crate) uris: &'static [&'static str],
    /// Its DNS names.
    pub(crate) dns: &'static [&'static str],
    /// Whether there is a certificate at all.
    pub(crate) certificate: bool,
    /// The name asked for in the handshake; an address is none.
    pub(crate) sni: &'static str,
    /// The gateway's address that is called.
    pub(crate) to: IpAddr,
}

pub(crate) const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
pub(crate) const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

const fn with(name: &'static str, uris: &'static [&'static str], dns: &'static [&'static str]) -> Who {
    Who { name, uris, dns, certificate: true, sni: HOST, to: V4 }
}

const SLEEP: &str = "spiffe://cluster.local/ns/httpbin/sa/sleep";
const WRITER: &str = "spiffe://cluster.local/ns/httpbin/sa/writer";

pub(crate) const WHO: &[Who] = &[
    with("sleep", &[SLEEP], &[]),
    with("writer", &[WRITER], &[]),
    with("stranger", &["spiffe://cluster.local/ns/other/sa/stranger"], &[]),
    with("sleep of old.test", &["spiffe://old.test/ns/httpbin/sa/sleep"], &[]),
    with("writer of prod.test", &["spiffe://prod.test/ns/httpbin/sa/writer"], &[]),
    with("sleep of elsewhere.test", &["spiffe://elsewhere.test/ns/httpbin/sa/sleep"], &[]),
    Who { sni: "other.test", ..with("sleep asking for other.test", &[SLEEP], &[]) },
    Who { to: SECOND, ..with("sleep at the second address", &[SLEEP], &[]) },
    Who { to: V6, ..with("writer over IPv6", &[WRITER], &[]) },
    Who { certificate: false, ..with("nobody", &[], &[]) },
    Who { certificate: false, sni: "127.0.0.1", ..with("nobody without a server name", &[], &[]) },
    with("two identities", &[SLEEP, WRITER], &[]),
    with("a stranger who is also sleep", &["spiffe://cluster.local/ns/other/sa/stranger", SLEEP], &[]),
    with("sleep with a DNS name", &[SLEEP], &["sleep.httpbin.svc"]),
    with("DNS names only", &[], &["sleep.httpbin.svc", "sleep"]),
    with("a subject only", &[], &[]),
    with("a path below sleep", &["spiffe://cluster.local/ns/httpbin/sa/sleep/extra"], &[]),
    with("a path above sleep", &["spiffe://cluster.local/region/eu/ns/httpbin/sa/sleep"], &[]),
    with("another scheme", &["https://cluster.local/ns/httpbin/sa/sleep"], &[]),
    with("an escape in the identity", &["spiffe://cluster.local/ns/httpbin/sa/sl%65ep"], &[]),
];

/// The callers, each calling its own address at this port.
pub(crate) fn callers(scratch: &Scratch, authority: &Authority, with_v6: bool) -> Result<Vec<Caller>> {
    let root = authority.write(scratch, "authority")?;
    let mut callers = Vec::new();
    for (number, who) in WHO.iter().enumerate() {
        let name = format!("caller-{number}");
        let identity = authority.named(scratch, &name, who.uris, who.dns)?;
        let identity = who.certificate.then_some((identity.certificate.as_path(), identity.key.as_path()));
        let to = if who.to == V6 && !with_v6 { V4 } else { who.to };
        callers.push(Caller::new(who.name, "", ((to, 0).into(), who.sni), &root, identity)?);
    }
    Ok(callers)
}

/// What tokens claim; null is no token.
pub(crate) fn tokens() -> Vec<Value> {
    let base = |claims: Value| {
        let mut all = json!({"iss": ISSUERS[0], "sub": "alice"});
        if let (Some(all), Value::Object(claims)) = (all.as_object_mut(), claims) {
            all.extend(claims);
            all.retain(|_, value| !value.is_null());
        }
        all
    };
    vec![
        Value::Null,
        base(json!({"role": "admin", "groups": ["staff", "admins"], "scope": "read write", "aud": "httpbin"})),
        base(json!({"role": "ops", "groups": "admins", "aud": ["other", "httpbin"], "azp": "portal"})),
        base(json!({"sub": "guest/admin", "role": "guest", "realm": {"role": "owner"}})),
        base(json!({"sub": "admin", "role": "not an admin", "groups": "staff admins", "permission": "read delete"})),
        base(json!({"iss": ISSUERS[1], "sub": "t/u", "role": ["guest", "admin"], "aud": "httpbin other"})),
        base(json!({"iss": ISSUERS[2], "sub": "u", "scope": "read", "realm": {"role": ["guest", "owner"]}})),
        base(json!({"role": "", "groups": [], "level": 5, "realm": "owner", "realm.role": "owner"})),
        base(json!({"sub": "", "role": "admin", "level": "5", "groups": [5, "admins"]})),
        base(json!({"sub": null, "role": 5, "groups": [5, true], "scope": ["read", "write all"], "azp": ["cli"]})),
        base(json!({"sub": "guest/x", "role": {"admin": true}, "realm": {"role": "owner x"}, "scope": "reader"})),
        base(json!({"iss": ISSUERS[1], "sub": "*", "role": " admin", "groups": ["staff admins"], "aud": []})),
    ]
}

/// Every token, signed.
pub(crate) fn signed(issuer: &Issuer) -> Result<BTreeMap<usize, String>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut signed = BTreeMap::new();
    for (number, mut claims) in tokens().into_iter().enumerate() {
        if let Some(fields) = claims.as_object_mut() {
            fields.insert("exp".to_owned(), json!(now + 3_600));
            signed.insert(number, issuer.token(&claims)?);
        }
    }
    Ok(signed)
}
