//! The stable codes of what can be wrong with a file, and their manual pages.
//!
//! `SP0...` are about the file and its structure, and live here. `SP1...` are about the policy, and live in
//! [`sallyport_core::PolicyCode`], because the filter says them too. `SP2...` are those of the [lints](crate::lint).

use crate::diagnostic::Severity;
use std::fmt;
use std::sync::LazyLock;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A stable code: never renumbered, never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// The code as users see it: `SP0203`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// What the code means and what to do, as its documentation says.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc, "\n",)+),)+ }
            }
        }
    };
}

codes! {
    /// The file is larger than 8 MiB.
    ///
    /// One file holds one upstream; ten thousand rules fit in a quarter of the limit.
    TooLarge = "SP0001",
    /// The file is not UTF-8.
    ///
    /// Save it as UTF-8 without a byte-order mark.
    Encoding = "SP0002",
    /// The file begins with a byte-order mark.
    ///
    /// It is invisible, and other tools of the chain take it for a part of the first key. Save the file as UTF-8
    /// without BOM.
    ByteOrderMark = "SP0003",
    /// The file has carriage returns (Windows line ends).
    ///
    /// They would make the same file have different bytes, and so digests, on different machines. Save it with LF.
    CarriageReturn = "SP0004",
    /// The file has a control character, or a character that changes the direction of text.
    ///
    /// Such a character hides what the file says from its reader. In a double-quoted string it can be written as an
    /// escape such as `\u0007`.
    ControlCharacter = "SP0005",
    /// The file has no resource in it.
    ///
    /// `sallyport init` writes a first one.
    Empty = "SP0006",
    /// The file is not valid YAML.
    Syntax = "SP0101",
    /// A line is indented with a tab, which YAML forbids.
    TabIndent = "SP0102",
    /// The file has several documents. One file holds one resource.
    SeveralDocuments = "SP0103",
    /// The file has a YAML anchor (`&name`) or alias (`*name`).
    ///
    /// They are refused altogether: a few lines of them can stand for gigabytes, and a policy should say what it says
    /// where it is read. Write the value out. A value that merely begins with `*` or `&` needs quotes.
    Alias = "SP0104",
    /// The file has a YAML merge key (`<<`). Write the fields out.
    MergeKey = "SP0105",
    /// The file has a YAML tag (`!name`, `!!str`). A string that looks like something else needs quotes, not a tag.
    Tag = "SP0106",
    /// A key is not a string.
    NonStringKey = "SP0107",
    /// A key is written twice in one mapping. YAML readers disagree on which one counts.
    DuplicateKey = "SP0108",
    /// The file is nested deeper than 64 levels.
    Depth = "SP0109",
    /// The file has more than 1,600,000 keys and values.
    ///
    /// That is 32 for each of the 50,000 rules that a policy may have, so an ordinary policy meets the limit on its rules
    /// first: SP1004.
    Nodes = "SP0110",
    /// `apiVersion` is missing or not the one this build reads.
    ApiVersion = "SP0201",
    /// `kind` is missing or neither `Egress` nor `Mesh`.
    Kind = "SP0202",
    /// A field is unknown. It is refused, never ignored: an ignored matcher would widen a rule.
    UnknownField = "SP0203",
    /// A field goes by another name here, or belongs in another place.
    RenamedField = "SP0204",
    /// A required field is missing.
    MissingField = "SP0205",
    /// A value is of the wrong type.
    WrongType = "SP0206",
    /// A field is written without a value. Leave the field out, or give it one.
    NoValue = "SP0207",
    /// A string is written so that YAML readers take it for a number, a boolean or nothing. It needs quotes.
    Unquoted = "SP0208",
    /// A value is not one of the values that the field knows.
    UnknownValue = "SP0209",
    /// A number is too small or too large.
    OutOfRange = "SP0210",
    /// A string is empty.
    EmptyText = "SP0211",
    /// A number is written in a way that JSON does not have, or that YAML readers take for different numbers:
    /// hexadecimal, octal, with leading zeros, infinite.
    ///
    /// Write it in plain decimal digits, or in quotes if it is a string.
    Number = "SP0212",
    /// The field tables and the model disagree: a defect of this program, not of the file. Please report it.
    Internal = "SP0299",
    /// `metadata.name` or `metadata.namespace` is not a DNS label: 1 to 63 of `a-z`, `0-9` and `-`, beginning and
    /// ending with a letter or digit.
    Name = "SP0301",
    /// A host is not a plain DNS name or IP address: no scheme, port, path, wildcard, upper case or trailing dot.
    Host = "SP0302",
    /// A server name (`sni`) is not a plain DNS name. An IP address cannot be one.
    ServerName = "SP0303",
    /// A subject alternative name is not a DNS name, an IP address or a SPIFFE id.
    SubjectAltName = "SP0304",
    /// A TLS field is written, but `mode: NONE` says that TLS is not spoken. It would not be used.
    TlsFieldWithoutTls = "SP0305",
    /// `mode: MUTUAL` without `clientCertificate` or without `privateKey`.
    MutualWithoutCertificate = "SP0306",
    /// `clientCertificate` or `privateKey` without `mode: MUTUAL`. It would not be used.
    CertificateWithoutMutual = "SP0307",
    /// A length of time is not one that Istio reads: `10s`, `250ms`, `5m`, `1h30m`; at least `1ms`.
    Duration = "SP0308",
    /// An amount of CPU or memory is not one that Kubernetes reads, or not the one that was meant.
    ///
    /// CPU is cores (`"1"`) or thousandths of one (`500m`). Memory has a unit of bytes (`256Mi`, `1Gi`); `256m` would be
    /// a quarter of one byte.
    Quantity = "SP0309",
    /// `expose.gateway` does not name an ingress gateway as `NAMESPACE/LABEL`: the namespace of its pods and the value
    /// of their label `istio`.
    IngressGateway = "SP0310",
    /// The name of a Kubernetes resource is not a DNS subdomain.
    ResourceName = "SP0311",
    /// `maxReplicas` is less than `replicas`.
    MaxReplicas = "SP0312",
    /// `perTryTimeout` is longer than `timeout`: the first try would take all the time there is.
    PerTryTimeout = "SP0313",
    /// `retryOn` has a word that is not one of Envoy's retry conditions. Envoy would ignore it.
    RetryCondition = "SP0314",
    /// The filter's image is not named by a repository alone.
    ///
    /// A tag can be moved to another image, and what decides who may pass must not change by itself: the filter is
    /// pinned by `digest`, or by the digest in `sallyport.lock`.
    ImageRepository = "SP0315",
    /// An image has neither tag nor digest, or is not a reference at all.
    ImageReference = "SP0316",
    /// A digest is not `sha256:` and 64 hexadecimal digits in lower case.
    Digest = "SP0317",
    /// The path of an OPA decision is not written as names with slashes between them.
    OpaPath = "SP0318",
    /// A patch has both `merge` and `json`, or neither.
    PatchForm = "SP0319",
    /// An operation of a JSON patch is not as RFC 6902 has it.
    ///
    /// `path` and `from` are JSON pointers. `add`, `replace` and `test` need a `value`, `move` and `copy` need `from`,
    /// and nothing has what it does not use.
    JsonPatch = "SP0320",
    /// A name is none of a header, or of one that carries the request itself.
    ///
    /// Names are written in lower case, as HTTP/2 has them. `host`, `content-length`, `expect` and what belongs to a
    /// connection are the proxies' own business, and `x-sallyport` and `x-sallyport-route` the gate's. So are the names that
    /// CGI, WSGI and PHP read as one of these, such as `content_length`.
    HeaderName = "SP0321",
    /// Two fields of `headers` say different things of one header.
    ///
    /// `x-user` and `x_user` are one header, too: CGI, WSGI and PHP read them as the same.
    HeaderClash = "SP0322",
    /// A field of `tracing` does not go with its mode.
    TracingField = "SP0323",
    /// `headers.credential.prefix` has a character that cannot stand in a header's value, or begins with a space.
    ///
    /// A line end would begin another header, and Envoy refuses the whole route for it. Write visible ASCII and spaces; the
    /// space that separates it from the secret belongs to the prefix: `Bearer `.
    HeaderPrefix = "SP0324",
    /// `headers.credential.secretKey` is not a key that a Kubernetes Secret can have.
    ///
    /// A key has at most 253 letters, digits, `-`, `_` and `.`. It is also a file's name, so it is not `.` and does not begin
    /// with `..`.
    SecretKey = "SP0325",
    /// The path of a file has `.`, `..`, an empty part, a `:` or a control character.
    ///
    /// The folder of the file is where a Secret is mounted in the gateway's pods, so it has no `..`, which would lead out of
    /// it, and no `:`, which Kubernetes refuses.
    FilePath = "SP0326",
    /// A name that is compared byte by byte has a space or a control character, so it would never be found.
    Word = "SP0327",
    /// A JWT issuer has spaces or control characters.
    JwtIssuer = "SP0401",
    /// A JWT issuer is written twice.
    DuplicateIssuer = "SP0402",
    /// A JWT issuer has both `jwks` and `jwksUri`, or neither.
    JwtKeySource = "SP0403",
    /// `jwks` is not a JSON Web Key Set of public keys.
    Jwks = "SP0404",
    /// `jwksUri` is not an http or https URL.
    JwksUri = "SP0405",
    /// A rule asks for a token, but no issuer is written in `authn.jwt`: no token is ever believed, so a positive
    /// condition never holds.
    TokenRuleWithoutIssuer = "SP0406",
    /// More than one Mesh among the files. All gateways share one mesh.
    SeveralMeshes = "SP0501",
    /// Two Egress resources have the same namespace and name.
    DuplicateEgress = "SP0502",
}

impl Code {
    /// How bad it is: a property of the code, so that it is the same everywhere.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Code::TokenRuleWithoutIssuer => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The manual page of a code (`SP0203`, `sp1302`), of the file, of the policy or of a lint.
#[must_use]
pub fn explain(code: &str) -> Option<&'static str> {
    static PAGES: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
        let own = Code::ALL.iter().map(|code| (code.as_str(), page(code.summary())));
        let policy = sallyport_core::PolicyCode::ALL.iter().map(|code| (code.as_str(), page(code.summary())));
        own.chain(policy).chain(crate::lint::manuals()).collect()
    });
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, page)| page.as_str())
}

/// A doc comment as plain text: without the space that follows its slashes.
fn page(summary: &str) -> String {
    let lines: Vec<&str> = summary.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::load::MOST_NODES;
    use sallyport_core::policy::MAX_RULES;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_in_order() {
        let texts: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let sorted: BTreeSet<_> = texts.iter().copied().collect();
        assert_eq!(texts, sorted.into_iter().collect::<Vec<_>>());
        let policy: BTreeSet<_> = sallyport_core::PolicyCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(texts.iter().all(|text| !policy.contains(text)));
    }

    #[test]
    fn every_code_can_be_explained() {
        for code in Code::ALL {
            assert!(explain(code.as_str()).is_some_and(|text| !text.trim().is_empty()), "{code}");
        }
        assert!(explain("sp1302").is_some_and(|text| text.contains("template")));
        assert_eq!(explain("SP9999"), None);
        // The pages name the numbers that hold.
        for (code, number) in [("SP0110", MOST_NODES), ("SP0110", MAX_RULES), ("SP1004", MAX_RULES)] {
            let page = explain(code).unwrap_or_default().replace(',', "");
            let named = page.split(|c: char| !c.is_ascii_digit()).any(|word| word == number.to_string());
            assert!(named, "{code} does not name {number}: {page}");
        }
        let page = explain("SP0006");
        assert_eq!(page, Some("The file has no resource in it.\n\n`sallyport init` writes a first one."));
    }
}
