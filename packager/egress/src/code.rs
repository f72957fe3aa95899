//! The registry of stable codes: `SP0xxx` of files, `SP1xxx` of policies, `SP2xxx` of lints, `SP3xxx` of the filter's image,
//! `SP9xxx` of the `sallyport` command and of the manifests that it builds.
//!
//! # Design
//! One row per code: its name, its number and its severity. The page of a code is a file of its own, `manual/SP0203.md`, and
//! is the documentation of its variant here; the page of a lint is the head of the lint's file. The policy's codes belong to
//! the core, because the filter reports them too, and are embedded. This module uses no other of this crate.

mod policy;
mod severity;
mod traits;

pub use severity::Severity;

use policy::policy_page;
use sallyport_core::PolicyCode;

/// A row `Name = "SP0001" Error` becomes the variant `Code::Name` and one arm in each of the functions below. A row under
/// `pages` has its page in `manual/SP0001.md`.
macro_rules! codes {
    (
        pages { $($name:ident = $number:literal $severity:ident,)+ }
        lints { $($lint:ident = $lint_number:literal $lint_severity:ident,)+ }
    ) => {
        /// A stable code: never renumbered, never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = include_str!(concat!("manual/", $number, ".md"))] $name,)+
            $(#[doc = concat!("A lint: `sallyport check --explain ", $lint_number, "` prints its page.")] $lint,)+
            /// One of the policy's codes, which the filter reports too.
            Policy(PolicyCode),
        }

        impl Code {
            /// Every code that is not the policy's.
            const OWN: &'static [Code] = &[$(Code::$name,)+ $(Code::$lint,)+];

            /// The code as users see it: `SP0203`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $number,)+
                    $(Code::$lint => $lint_number,)+
                    Code::Policy(code) => code.as_str(),
                }
            }

            /// How severe the problem is: a property of the code, so that it is the same everywhere.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self {
                    $(Code::$name => Severity::$severity,)+
                    $(Code::$lint => Severity::$lint_severity,)+
                    Code::Policy(_) => Severity::Error,
                }
            }

            /// The page of a code that has a file for it; a lint's is in the lint's own file.
            pub(crate) fn page(self) -> Option<&'static str> {
                match self {
                    $(Code::$name => Some(include_str!(concat!("manual/", $number, ".md"))),)+
                    $(Code::$lint => None,)+
                    Code::Policy(code) => Some(policy_page(code)),
                }
            }
        }
    };
}

codes! {
    pages {
        TooLarge = "SP0001" Error,
        Encoding = "SP0002" Error,
        ByteOrderMark = "SP0003" Error,
        CarriageReturn = "SP0004" Error,
        ControlCharacter = "SP0005" Error,
        Empty = "SP0006" Error,
        Syntax = "SP0101" Error,
        TabIndent = "SP0102" Error,
        SeveralDocuments = "SP0103" Error,
        Alias = "SP0104" Error,
        MergeKey = "SP0105" Error,
        Tag = "SP0106" Error,
        NonStringKey = "SP0107" Error,
        DuplicateKey = "SP0108" Error,
        Depth = "SP0109" Error,
        Nodes = "SP0110" Error,
        ApiVersion = "SP0201" Error,
        Kind = "SP0202" Error,
        UnknownField = "SP0203" Error,
        RenamedField = "SP0204" Error,
        MissingField = "SP0205" Error,
        WrongType = "SP0206" Error,
        NoValue = "SP0207" Error,
        Unquoted = "SP0208" Error,
        UnknownValue = "SP0209" Error,
        OutOfRange = "SP0210" Error,
        EmptyText = "SP0211" Error,
        Number = "SP0212" Error,
        Internal = "SP0299" Error,
        Name = "SP0301" Error,
        Host = "SP0302" Error,
        ServerName = "SP0303" Error,
        SubjectAltName = "SP0304" Error,
        TlsFieldWithoutTls = "SP0305" Error,
        MutualWithoutCertificate = "SP0306" Error,
        CertificateWithoutMutual = "SP0307" Error,
        Duration = "SP0308" Error,
        Quantity = "SP0309" Error,
        IngressGateway = "SP0310" Error,
        ResourceName = "SP0311" Error,
        MaxReplicas = "SP0312" Error,
        PerTryTimeout = "SP0313" Error,
        RetryCondition = "SP0314" Error,
        ImageRepository = "SP0315" Error,
        ImageReference = "SP0316" Error,
        Digest = "SP0317" Error,
        OpaPath = "SP0318" Error,
        PatchForm = "SP0319" Error,
        JsonPatch = "SP0320" Error,
        HeaderName = "SP0321" Error,
        HeaderClash = "SP0322" Error,
        TracingField = "SP0323" Error,
        HeaderPrefix = "SP0324" Error,
        SecretKey = "SP0325" Error,
        FilePath = "SP0326" Error,
        Word = "SP0327" Error,
        ExtensionProvider = "SP0330" Error,
        ObjectLabel = "SP0331" Error,
        Strategy = "SP0340" Error,
        Locality = "SP0341" Error,
        Endpoints = "SP0342" Error,
        SeveralHosts = "SP0343" Error,
        Port = "SP0344" Error,
        RoutePath = "SP0345" Error,
        PathRewrite = "SP0346" Error,
        JwtIssuer = "SP0401" Error,
        DuplicateIssuer = "SP0402" Error,
        JwtKeySource = "SP0403" Error,
        Jwks = "SP0404" Error,
        JwksUri = "SP0405" Error,
        TokenRuleWithoutIssuer = "SP0406" Warning,
        SeveralMeshes = "SP0501" Error,
        DuplicateEgress = "SP0502" Error,
        CasesEgress = "SP0601" Error,
        CaseIncomplete = "SP0602" Error,
        CaseText = "SP0603" Error,
        CaseRule = "SP0604" Error,
        CaseContradiction = "SP0605" Error,
        TooManyCases = "SP0606" Error,
        CandidateEgress = "SP0701" Error,
        DuplicateCandidate = "SP0702" Error,
        CandidateWithoutChange = "SP0703" Error,
        CandidateRule = "SP0704" Error,
        CandidateBesideShadow = "SP0705" Error,
        RolloutText = "SP0711" Error,
        SeveralRollouts = "SP0712" Error,
        RolloutGateway = "SP0713" Error,
        RolloutWave = "SP0714" Error,
        RolloutSteps = "SP0715" Error,
        WaveWithoutGateway = "SP0716" Warning,
        ImageMissing = "SP3001" Error,
        ImageDigest = "SP3002" Error,
        ImageIndex = "SP3003" Error,
        ImageManifest = "SP3004" Error,
        ImageLayers = "SP3005" Error,
        ImageArchive = "SP3006" Error,
        ImageWithoutModule = "SP3007" Error,
        ModuleTooLarge = "SP3008" Error,
        NotWasm = "SP3009" Error,
        ImageBlob = "SP3010" Error,
        InvalidModule = "SP3011" Error,
        ModuleAbi = "SP3012" Error,
        ModuleImport = "SP3013" Error,
        ModulePolicyVersion = "SP3014" Error,
        ModuleWithoutPolicyVersion = "SP3015" Warning,
        LargeModule = "SP3016" Warning,
        CommandMissing = "SP3017" Error,
        CommandNotStatic = "SP3018" Error,
        CommandConfig = "SP3019" Error,
        Unreadable = "SP9001" Error,
        NothingFound = "SP9002" Error,
        MoreProblems = "SP9003" Error,
        ForOthers = "SP9004" Warning,
        NotFormatted = "SP9005" Warning,
        UnpinnedFilter = "SP9101" Error,
        PolicyTooLarge = "SP9102" Error,
        ResourceNames = "SP9103" Error,
        PatchNotApplied = "SP9104" Error,
        Lock = "SP9105" Error,
        InstallMode = "SP9106" Error,
        StandbyMissing = "SP9107" Error,
        PlaceholderImage = "SP9108" Warning,
        LoopbackRegistry = "SP9109" Warning,
        DefaultRetries = "SP9110" Warning,
        CertificatePath = "SP9120" Error,
        SilenceForm = "SP9201" Error,
        SilenceOfUnknownCode = "SP9202" Error,
        SilenceOfError = "SP9203" Error,
        UnusedSilence = "SP9204" Warning,
    }
    lints {
        SameHost = "SP2001" Error,
        SameExposedHost = "SP2002" Error,
        SameUpstream = "SP2003" Error,
        StandbyNotFound = "SP2004" Warning,
        StandbyLoop = "SP2005" Error,
        DuplicateStandby = "SP2006" Error,
        SameCertificateFolder = "SP2007" Error,
        StandbyWithoutPort = "SP2011" Error,
        NamespaceCreatedTwice = "SP2012" Warning,
        AllowWithoutIdentity = "SP2101" Warning,
        AllowAllExcept = "SP2102" Warning,
        DuplicateRule = "SP2103" Warning,
        DenyWithToleratedAmbiguity = "SP2104" Warning,
        UnreliableRemoteAddress = "SP2105" Warning,
        RuleDisclosedOutside = "SP2106" Warning,
        RuleForAnotherHost = "SP2107" Warning,
        AmbiguousProbePath = "SP2108" Error,
        ProbeQueryDenied = "SP2109" Error,
        RuleForProbeOnly = "SP2110" Warning,
        RuleForAnotherPort = "SP2111" Warning,
        GrpcRuleWithoutPost = "SP2112" Warning,
        RuleNeverMatches = "SP2113" Warning,
        RuleHidden = "SP2114" Warning,
        RulesOfOneMeaning = "SP2115" Warning,
        PathOfAnotherNotation = "SP2116" Warning,
        ServiceAccountWithoutNamespace = "SP2117" Warning,
        UnknownMethod = "SP2118" Warning,
        KeyInQuotes = "SP2119" Warning,
        PrincipalOfNoWorkload = "SP2120" Warning,
        RewriteWithToleratedAmbiguity = "SP2121" Warning,
        TlsUnusualForPort = "SP2201" Warning,
        TokenInPlaintext = "SP2202" Warning,
        SniNotInSubjectAltNames = "SP2203" Warning,
        CallerInGatewayNamespace = "SP2204" Warning,
        CertificateChainForwarded = "SP2205" Warning,
        CredentialInPlaintext = "SP2206" Warning,
        SameMetricSeries = "SP2207" Warning,
        HostOfOthers = "SP2208" Warning,
        HostIsUpstream = "SP2209" Warning,
        NamespaceOfOthers = "SP2210" Warning,
        UpstreamIsLocal = "SP2211" Warning,
        CertificateInImage = "SP2220" Warning,
        RetriedWrite = "SP2301" Warning,
        OpaImageByTag = "SP2302" Warning,
        PatchOfProtection = "SP2303" Warning,
        RetriesDistortProbe = "SP2304" Warning,
        TimeoutBelowProbeTimeout = "SP2305" Warning,
        EjectionLongerThanHold = "SP2306" Warning,
        FailoverWithoutGate = "SP2307" Warning,
        ReadinessWithoutGate = "SP2308" Warning,
        HealthOverride = "SP2309" Warning,
        PatchOfCallerIdentity = "SP2310" Error,
        ValueOfAnotherNotation = "SP2311" Warning,
        CredentialPrefixWithoutSpace = "SP2312" Warning,
        UnlikelyResources = "SP2313" Warning,
        GrpcOverHttp1 = "SP2321" Warning,
        WebsocketOverHttp2 = "SP2322" Warning,
        UpstreamNotHttp = "SP2323" Warning,
        TracerNotInMesh = "SP2324" Warning,
        IstioOutOfSupport = "SP2401" Warning,
        TracingStripOnOldIstio = "SP2402" Warning,
        PluginModeServer = "SP2501" Error,
        PluginWithoutPriority = "SP2502" Warning,
        FilterNotInAuthzPhase = "SP2503" Warning,
        PluginUrlWithoutScheme = "SP2504" Warning,
        PluginByTag = "SP2505" Warning,
        PluginDigestFormat = "SP2506" Error,
        PluginTwoDigests = "SP2507" Error,
        PluginFailsOpen = "SP2508" Warning,
        PluginSignature = "SP2509" Warning,
        PluginPullSecret = "SP2510" Warning,
        PluginWithoutSelector = "SP2511" Warning,
        PluginPhaseName = "SP2512" Error,
        PolicyInEnvironment = "SP2513" Warning,
        FilterNotReloaded = "SP2514" Warning,
        PluginFileDigest = "SP2515" Warning,
        PluginLargeNumber = "SP2516" Warning,
        SniWithoutSubjectAltNames = "SP2521" Warning,
        TlsWithoutSni = "SP2522" Warning,
        TlsUnverified = "SP2523" Warning,
        AuthorityNotRewritten = "SP2531" Warning,
        UnknownSubset = "SP2532" Warning,
        GatewayRoutesToItself = "SP2533" Warning,
        ServiceEntryWithoutResolution = "SP2541" Warning,
        ServiceEntryWithTls = "SP2542" Warning,
        ServiceEntryExportedEverywhere = "SP2543" Warning,
        ServiceEntryForAnyHost = "SP2544" Error,
        StrictMtlsWithoutEffect = "SP2551" Warning,
        DenyByPath = "SP2552" Warning,
        DenyHostWithoutPort = "SP2553" Warning,
        TokenNotRequired = "SP2554" Warning,
        ProbeByShell = "SP2561" Warning,
        ProbeOfUpstream = "SP2562" Warning,
        GatewayAsRoot = "SP2563" Warning,
        RegistryUnverified = "SP2564" Warning,
        SharedGatewayLabel = "SP2571" Warning,
        DeprecatedField = "SP2572" Warning,
        UnknownManifestKind = "SP2573" Warning,
        UnknownManifestField = "SP2574" Warning,
        WrongManifestType = "SP2575" Warning,
        UnknownManifestValue = "SP2576" Warning,
        MissingManifestField = "SP2577" Warning,
        FieldsTogether = "SP2578" Warning,
        RefusedByIstio = "SP2579" Warning,
        ValueNeverMet = "SP2580" Warning,
        SameListener = "SP2601" Warning,
        CoveredHost = "SP2602" Warning,
        SameRoute = "SP2603" Warning,
        IdentityWithoutMtls = "SP2604" Warning,
        CallersWithoutMtls = "SP2605" Warning,
        CallersWithoutSni = "SP2606" Warning,
        WildcardMutualTls = "SP2607" Warning,
        ModuleExpiry = "SP2608" Warning,
        FilterSelectsNoGateway = "SP2609" Warning,
        CallerInSecretNamespace = "SP2610" Warning,
        EntryHidden = "SP2611" Warning,
        RuleNotUsed = "SP2612" Warning,
        RouteHidden = "SP2613" Warning,
        UnknownGateway = "SP2614" Warning,
        UnknownDestination = "SP2615" Warning,
        UnknownPort = "SP2616" Warning,
        GuardWithoutRequests = "SP2617" Warning,
        RouteKindUnfit = "SP2618" Warning,
        TlsTwice = "SP2619" Warning,
        PlaintextToTlsPort = "SP2620" Warning,
        CertificateNotAtProxy = "SP2621" Warning,
        PolicyNotEnforced = "SP2622" Warning,
        CustomPolicyFirst = "SP2623" Warning,
        PatchWithoutEffect = "SP2624" Warning,
        TelemetryWithoutEffect = "SP2625" Warning,
        SelectorElsewhere = "SP2626" Warning,
        HostNotServed = "SP2627" Warning,
        MatchNeverApplies = "SP2628" Warning,
        DelegateUnusable = "SP2629" Warning,
        ExportToNowhere = "SP2630" Warning,
        TlsToPlaintextPort = "SP2631" Warning,
        GatewayApiName = "SP2632" Warning,
        PolicyForUnservedHost = "SP2633" Warning,
    }
}

impl Code {
    /// Every code, in the order of their numbers.
    #[must_use]
    pub fn all() -> Vec<Code> {
        let mut all: Vec<_> =
            PolicyCode::ALL.iter().copied().map(Code::Policy).chain(Self::OWN.iter().copied()).collect();
        all.sort_unstable();
        all
    }

    /// The code that is written like this, in upper or lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Code> {
        Self::all().into_iter().find(|code| code.as_str().eq_ignore_ascii_case(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique() {
        let all = Code::all();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(all.iter().all(|code| Code::parse(&code.as_str().to_lowercase()) == Some(*code)));
        assert_eq!(Code::parse("SP9999"), None);
    }
}
