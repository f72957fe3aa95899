//! Callers with tokens, through Envoy's own jwt_authn filter.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use sallyport_tests::client::{Reply, Request};
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::jwt::Issuer;
use sallyport_tests::stage::{Stage, egress_with};
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.test";

const AUTHZ: &str = r#"
discloseRule: true
rules:
- id: alice
  action: ALLOW
  from: [{source: {requestPrincipals: ["https://issuer.test/alice"]}}]
  to: [{operation: {paths: [/principal]}}]
- id: admins
  action: ALLOW
  to: [{operation: {paths: [/group]}}]
  when: [{key: "request.auth.claims[groups]", values: [admins]}]
- id: nested
  action: ALLOW
  to: [{operation: {paths: [/nested]}}]
  when: [{key: "request.auth.claims[realm][role]", values: [owner]}]
- id: scoped
  action: ALLOW
  to: [{operation: {paths: [/scope]}}]
  when: [{key: "request.auth.claims[scope]", values: [read]}]
- id: audience
  action: ALLOW
  to: [{operation: {paths: [/audience]}}]
  when: [{key: request.auth.audiences, values: [httpbin]}]
- id: not-guests
  action: ALLOW
  to: [{operation: {paths: [/not-guests]}}]
  when: [{key: "request.auth.claims[groups]", notValues: [guests]}]
"#;

struct Tokens<'a> {
    issuer: &'a Issuer,
    now: u64,
}

impl Tokens<'_> {
    /// Alice's token with these claims over the usual ones.
    fn token(&self, claims: Value) -> Result<String> {
        let mut all = json!({"iss": ISSUER, "sub": "alice", "iat": self.now, "exp": self.now + 600});
        if let (Some(all), Value::Object(claims)) = (all.as_object_mut(), claims) {
            all.extend(claims);
        }
        self.issuer.token(&all)
    }
}

#[test]
fn tokens_are_verified_by_envoy_and_read_by_rules() {
    each_envoy("jwt", |envoy, scratch| {
        let issuer = Issuer::new()?;
        let spec = format!("authn: {{jwt: [{{issuer: {ISSUER:?}, jwks: {:?}}}]}}", issuer.key_set());
        let stage = Stage::with_file(envoy, scratch, &egress_with(&spec, AUTHZ))?;
        let caller = stage.sleep()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let tokens = Tokens { issuer: &issuer, now };

        let ask = |path: &str, token: &str| -> Result<Reply> {
            caller.send(&Request::get(path).header("authorization", format!("Bearer {token}")))
        };
        let check = |path: &str, claims: Value, expected: &str| -> Result<()> {
            let reply = ask(path, &tokens.token(claims.clone())?)?;
            let spoken = reply.spoken();
            let told = if reply.status == 200 { &spoken.rule } else { &spoken.reason };
            assert_eq!(told, expected, "{path} with {claims}: {reply:?}");
            Ok(())
        };

        check("/principal", json!({}), "alice")?;
        check("/principal", json!({"sub": "bob"}), "not_allowed")?;
        check("/group", json!({"groups": "admins"}), "admins")?;
        check("/group", json!({"groups": ["staff", "admins"]}), "admins")?;
        check("/group", json!({"groups": "staff admins"}), "not_allowed")?;
        check("/group", json!({"groups": ["staff"]}), "not_allowed")?;
        check("/group", json!({"groups": "admins2"}), "not_allowed")?;
        check("/group", json!({"groups": {"admins": true}}), "not_allowed")?;
        check("/group", json!({}), "not_allowed")?;
        check("/nested", json!({"realm": {"role": "owner"}}), "nested")?;
        check("/nested", json!({"realm": {"role": ["guest", "owner"]}}), "nested")?;
        check("/nested", json!({"realm": "owner"}), "not_allowed")?;
        check("/nested", json!({"realm.role": "owner"}), "not_allowed")?;
        check("/scope", json!({"scope": "write read"}), "scoped")?;
        check("/scope", json!({"scope": "write"}), "not_allowed")?;
        check("/audience", json!({"aud": "httpbin"}), "audience")?;
        check("/audience", json!({"aud": ["other", "httpbin"]}), "audience")?;
        check("/audience", json!({"aud": "other"}), "not_allowed")?;
        check("/not-guests", json!({"groups": ["staff"]}), "not-guests")?;
        check("/not-guests", json!({"groups": ["staff", "guests"]}), "not_allowed")?;
        check("/not-guests", json!({}), "not_allowed")?;

        // Without a token no rule here can hold, and the filter says so.
        for path in ["/principal", "/group", "/not-guests"] {
            let missing = caller.send(&Request::get(path))?;
            assert_eq!((missing.status, missing.spoken().reason.as_str()), (401, "no_identity"), "{missing:?}");
        }

        // A token that is wrong is Envoy's to refuse, and the request never gets as far as the filter.
        let other = Issuer::new()?;
        let claims = json!({"iss": ISSUER, "sub": "alice", "exp": now + 600});
        let wrong = [
            ("expired", tokens.token(json!({"exp": now - 600}))?),
            ("another issuer", tokens.token(json!({"iss": "https://other.test"}))?),
            ("another key", other.token(&claims)?),
            ("no token at all", "nonsense".to_owned()),
        ];
        for (what, token) in wrong {
            let reply = ask("/principal", &token)?;
            assert_eq!((reply.status, reply.spoken().verdict.as_str()), (401, ""), "{what}: {reply:?}");
        }
        Ok(())
    });
}
