//! The stable codes of what can be wrong with a policy: `SP1nnn`. The registry of all codes is in `sallyport-egress`, which
//! shows these, too.

use core::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A stable code: never renumbered, never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PolicyCode {
            $($(#[doc = $doc])+ $name,)+
        }

        impl PolicyCode {
            /// Every code, in order.
            pub const ALL: &'static [PolicyCode] = &[$(PolicyCode::$name,)+];

            /// The code as users see it: `SP1302`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(PolicyCode::$name => $text,)+ }
            }

            /// What the code means, as its documentation says.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(PolicyCode::$name => concat!($($doc, "\n",)+),)+ }
            }
        }
    };
}

codes! {
    /// The policy is not JSON of the expected shape.
    Shape = "SP1001",
    /// The policy's wire version is not the one this build reads.
    Version = "SP1002",
    /// The policy was written for an upstream other than that of the plugin that it was given to.
    Upstream = "SP1003",
    /// A limit on the size of a policy is exceeded.
    ///
    /// A policy has at most 50,000 rules, 10,000 values in a list, and 256 different regular expressions, whose automata have
    /// at most 512 KiB together.
    ///
    /// One request may cost at most 500,000 steps of regular expressions; a step is a byte that an expression reads. Of one
    /// request an expression for paths may read 3 times 2,048 bytes, one for a query parameter 2 times and one for a header
    /// 8 times as much, because each is asked about every reading of the value. Rules that no single caller and path can meet
    /// do not add up: give them different callers or exact paths, or write templates, prefixes and values in place of
    /// expressions.
    Limit = "SP1004",
    /// A candidate, its canary or its digests do not fit.
    ///
    /// The configuration of a gateway that has a candidate carries the digests of the rules in force and of the candidate's. A
    /// filter that finds other rules than these refuses the configuration. `sallyport build` writes them.
    ///
    /// A rule in shadow and a policy in shadow are candidates, too, and there is one candidate at a time: beside a Candidate file
    /// write `stage: enforce`.
    Candidate = "SP1005",
    /// A rule's id is empty, too long, or has characters outside `A-Za-z0-9._-`.
    RuleId = "SP1101",
    /// Two rules have the same id.
    DuplicateRuleId = "SP1102",
    /// A rule, source or operation has no field, and so would match everyone or everything.
    EmptyMatch = "SP1103",
    /// A list is written but empty.
    EmptyList = "SP1104",
    /// A value is empty.
    EmptyValue = "SP1105",
    /// A `*` is written where no wildcard is supported.
    Wildcard = "SP1106",
    /// A principal is not of the form `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
    Principal = "SP1201",
    /// A service account is not of the form `NAMESPACE/ACCOUNT`, has a wildcard, or is written beside principals.
    ServiceAccount = "SP1202",
    /// A namespace is not a DNS label.
    Namespace = "SP1203",
    /// A trust domain has characters that a SPIFFE trust domain cannot have.
    TrustDomain = "SP1204",
    /// An IP block is neither an address nor a CIDR, or has bits set outside its mask.
    Cidr = "SP1205",
    /// A request principal is not of the form `ISSUER/SUBJECT`.
    RequestPrincipal = "SP1207",
    /// A rule reads the packet's source address where the gateway cannot know it.
    SourceAddressHidden = "SP1206",
    /// A path could never match a canonical request path.
    ///
    /// Requests are matched without their query and in canonical form: letters, digits, `-`, `.`, `_` and `~` are plain, what
    /// else is escaped has capital digits, as in `/caf%C3%A9`. What can be read in several ways is refused before any rule,
    /// unless `authz.tolerate` names it.
    Path = "SP1301",
    /// A path template breaks the rules of `{*}` and `{**}`.
    PathTemplate = "SP1302",
    /// A regular expression does not compile, or is too large.
    ///
    /// The syntax is RE2's, without Unicode classes, look-around and back-references. Each expression becomes an automaton of
    /// at most 64 KiB. A number behind `.*`, as in `.*a.{12}`, doubles it with each that is counted; most others add little.
    Regex = "SP1303",
    /// A host is not a host name or pattern, or ends with a dot.
    Host = "SP1304",
    /// A port is not a number from 1 to 65535.
    Port = "SP1305",
    /// A method is not an HTTP token, or is in lower case.
    Method = "SP1306",
    /// A gRPC pattern is not of the form `package.Service/Method`.
    Grpc = "SP1307",
    /// A condition's key is unknown, or names what has a field of its own: `hosts`, `methods`, `paths`.
    ConditionKey = "SP1401",
    /// A condition has neither values nor notValues.
    ConditionWithoutValues = "SP1402",
    /// A condition uses `match` or `regex` with a key that has one value only.
    ConditionQuantifier = "SP1403",
    /// A number of the health gate is out of range.
    HealthNumber = "SP1501",
    /// Two settings of the health gate contradict each other.
    HealthClash = "SP1502",
    /// The health gate expects something that no answer can have, or nothing at all.
    HealthExpect = "SP1503",
    /// A status is not one from 100 to 599, or a range of them.
    Status = "SP1504",
    /// A standby is not another upstream.
    Standby = "SP1505",
    /// A field of `tracing` does not go with its mode.
    TracingMode = "SP1601",
    /// A header's name is not valid, or is one that cannot be set.
    HeaderName = "SP1602",
    /// The value of a header cannot be sent, or has an unknown placeholder.
    HeaderTemplate = "SP1603",
}

impl fmt::Display for PolicyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
