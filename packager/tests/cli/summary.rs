//! What `sallyport build` says: its summary, its warnings, and the notes in each gateway's folder.

use snapbox::{assert_data_eq, file, str};

use crate::sandbox::{GOOD, LOCK, Sandbox, bad};

fn sandbox() -> Sandbox {
    Sandbox::with(&[("in/egress.yaml", GOOD), ("in/sallyport.lock", LOCK)])
}

#[test]
fn a_build_is_summed_up_and_the_next_changes_nothing() {
    let sandbox = sandbox();
    let first = sandbox.run(&["build", "in", "-o", "out"]);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""));
    assert_data_eq!(
        first.stdout,
        str![[r#"
gateways: 1, filter loaded by TrafficExtension
mesh: no Mesh file, so Istio 1.31, trust domain cluster.local, text access log, istiod in istio-system, outbound traffic policy unchanged
filter: registry.example.com/sallyport/filter, pinned by sallyport.lock
files: 9, 9 written, 0 removed

Before you apply:
  add out/mesh/istiooperator.yaml or values.yaml to the settings of your mesh
  Namespace httpbin, for the gateway
Then:
  follow out/httpbin-httpbin/NOTES.md

"#]]
    );
    let second = sandbox.run(&["build", "in", "-o", "out"]);
    assert!(!second.stdout.contains("Before you apply"), "{}", second.stdout);
    assert!(second.stdout.contains("files: 9, 0 written, 0 removed\n"), "{}", second.stdout);
    assert!(sandbox.run(&["build", "in", "-o", "out", "--quiet"]).stdout.is_empty());
}

#[test]
fn patches_are_named() {
    let sandbox = sandbox();
    let patches = "  patches:\n  - kind: Service\n    merge: {metadata: {annotations: {a: b}}}\n";
    sandbox.write("in/egress.yaml", format!("{GOOD}{patches}"));
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert!(ended.stdout.contains("\npatched: httpbin/httpbin: Service/httpbin-egress\n"), "{ended:?}");
    assert!(sandbox.read("out/httpbin-httpbin/30-deployment.yaml").contains("annotations:\n    a: b\n"));
}

#[test]
fn a_patch_of_everything_is_one_entry_of_the_summary() {
    let sandbox = sandbox();
    let merge = "merge: {metadata: {annotations: {a: b}}}";
    let patches = format!("  patches:\n  - kind: \"*\"\n    {merge}\n  - kind: Service\n    {merge}\n");
    sandbox.write("in/egress.yaml", format!("{GOOD}{patches}"));
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    let line = "\npatched: httpbin/httpbin: * (17 manifests), Service/httpbin-egress\n";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
}

#[test]
fn a_mesh_file_alone_is_built_and_said_to_be_alone() {
    let mesh = "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {}\n";
    let sandbox = Sandbox::with(&[("in/mesh.yaml", mesh), ("in/sallyport.lock", LOCK)]);
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.starts_with("gateways: none, because no Egress was given; "), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("Then:\n  give the Egress files, too: `sallyport init` writes a first one\n"));
    let ended = sandbox.run(&["check", "in"]);
    let summary = "1 file, 0 rules: no problems (a Mesh file alone: no Egress was given)\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), summary));
    sandbox.write("in/egress.yaml", GOOD);
    assert_eq!(sandbox.run(&["check", "in"]).stdout, "2 files, 1 rule: no problems\n");
}

#[test]
fn a_quiet_build_has_errors_alone() {
    let sandbox = sandbox();
    sandbox.write("in/egress.yaml", format!("{GOOD}  gateway: {{install: gateway-api}}\n"));
    assert!(sandbox.run(&["build", "in", "-o", "out"]).stdout.contains("warning[SP9110]"));
    let ended = sandbox.run(&["build", "in", "-o", "out", "-q"]);
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "", ""));
    // They are the result of a check, and of a report that a program reads.
    assert!(sandbox.run(&["check", "in", "-q"]).stdout.contains("warning[SP9110]"));
    assert!(sandbox.run(&["build", "in", "-o", "out", "-q", "--format", "json"]).stdout.contains("SP9110"));
    sandbox.write("in/bad.yaml", bad());
    assert!(sandbox.run(&["build", "in", "-o", "out", "-q"]).stdout.contains("error[SP0203]"));
}

#[test]
fn the_notes_say_what_must_exist_first() {
    let sandbox = sandbox();
    let more = "  headers: {credential: {secretName: httpbin-token, name: authorization, prefix: \"Bearer \"}}\n  \
                expose: {host: httpbin.example.com, credentialName: httpbin-cert}\n";
    let tls = "port: 443\n    tls:\n      mode: MUTUAL\n      caCertificates: /etc/sallyport/tls/ca.crt\n      \
               clientCertificate: /etc/sallyport/tls/tls.crt\n      privateKey: /etc/sallyport/tls/tls.key";
    sandbox.write("in/egress.yaml", format!("{}{more}", GOOD.replace("port: 443", tls)));
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert_data_eq!(sandbox.read("out/httpbin-httpbin/NOTES.md"), file!["golden/notes.md"].raw());
    for line in [
        "  Namespace httpbin, for the gateway\n",
        "  Secret httpbin/httpbin-upstream-tls with ca.crt, tls.crt, tls.key, for the files of `upstream.tls`\n",
        "  Secret istio-system/httpbin-cert with tls.crt, tls.key, for TLS for callers from outside\n",
    ] {
        assert!(ended.stdout.contains(line), "{line} in {}", ended.stdout);
    }
}

#[test]
fn the_notes_say_how_the_image_gets_to_its_registry() {
    let sandbox = sandbox();
    let note = |sandbox: &Sandbox| {
        assert_eq!(sandbox.run(&["build", "in", "-o", "out"]).code, Some(0));
        let notes = sandbox.read("out/httpbin-httpbin/NOTES.md");
        let (_, note) = notes.split_once("- The filter's image, ").unwrap();
        note.split_once("\n- ").unwrap().0.to_owned()
    };
    // A lock with the name of the placeholder says that the image was pushed there: SP9108 and the notes agree.
    let pushed = note(&sandbox);
    assert!(pushed.contains("push registry.example.com/sallyport/filter --lock") && !pushed.contains("placeholder"));
    assert!(!sandbox.run(&["check", "in"]).stdout.contains("SP9108"));
    let digest = format!("sha256:{}", "ab".repeat(32));
    let mesh = format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: mesh}}\nspec: {{filter: {{digest: \"{digest}\"}}}}\n"
    );
    let mesh = sandbox.write("in/mesh.yaml", mesh);
    let placeholder = note(&sandbox);
    assert!(placeholder.contains("`sallyport image push REPOSITORY --lock sallyport.lock`\n"), "{placeholder}");
    assert!(placeholder.contains("is a placeholder"), "{placeholder}");
    assert!(sandbox.run(&["check", "in"]).stdout.contains("SP9108"));
    std::fs::remove_file(mesh).unwrap();
    sandbox.write("in/sallyport.lock", LOCK.replace("example.com/sallyport", "example.net/acme"));
    let own = note(&sandbox);
    let command = "`sallyport image push registry.example.net/acme/filter --lock sallyport.lock`\n";
    assert!(own.contains(command) && !own.contains("placeholder"), "{own}");
}

#[test]
fn a_build_is_not_silent_about_retries_that_the_file_does_not_want() {
    let sandbox = sandbox();
    sandbox.write("in/egress.yaml", format!("{GOOD}  gateway: {{install: gateway-api}}\n"));
    for command in [&["build", "in", "-o", "out"][..], &["check", "in"]] {
        let ended = sandbox.run(command);
        assert_eq!((ended.code, ended.stdout.contains("warning[SP9110]")), (Some(0), true), "{ended:?}");
    }
}

const TOKEN: &str = "  headers: {credential: {secretName: httpbin-token, name: x-token}}\n";
const NAMESPACE: &str = "  gateway: {createNamespace: true}\n";

/// The parts of a text, which stand in this order.
fn assert_order(text: &str, parts: &[&str]) {
    let places: Vec<_> = parts.iter().map(|part| text.find(part).ok_or(part)).collect();
    assert!(places.iter().all(Result::is_ok) && places.is_sorted(), "{places:?} in {text}");
}

/// Before there is a namespace, no Secret can be in it.
#[test]
fn namespaces_come_before_secrets_and_secrets_before_the_gateway() {
    let sandbox = sandbox();
    sandbox.write("in/egress.yaml", format!("{GOOD}{TOKEN}{NAMESPACE}"));
    let secret = "Secret httpbin/httpbin-token with token";
    for (options, last) in
        [(&[][..], "Then:\n  follow out/httpbin-httpbin/NOTES.md\n"), (&["--root"], "Then:\n  kubectl apply -k out\n")]
    {
        let ended = sandbox.run(&[&["build", "in", "-o", "out"], options].concat());
        assert_order(&ended.stdout, &["make the namespaces: kubectl apply -k out/namespaces\n", secret, last]);
        let notes = sandbox.read("out/httpbin-httpbin/NOTES.md");
        assert_order(&notes, &["kubectl apply -k ../namespaces", secret, "## Apply", "$ kubectl apply -k .\n"]);
        std::fs::remove_dir_all(sandbox.path().join("out")).unwrap();
    }
}

#[test]
fn with_argo_cd_the_folder_is_pushed_and_synced_in_the_same_order() {
    let sandbox = sandbox();
    sandbox.write("in/egress.yaml", format!("{GOOD}{TOKEN}{NAMESPACE}"));
    let secret = "Secret httpbin/httpbin-token with token";
    let url = ["--repository", "https://git.example.com/mesh.git"];
    let ended = sandbox.run(&[&["build", "in", "-o", "out", "--argo", "--root"], &url[..]].concat());
    let steps = [
        "\nBefore you sync:\n",
        "  commit and push out\n",
        "  make the Applications: kubectl apply -f out/applicationset.yaml\n",
        "  make the namespaces: argocd app sync sallyport-namespaces\n",
        secret,
        "Then:\n  argocd app sync sallyport-httpbin-httpbin\n",
    ];
    assert_order(&ended.stdout, &steps);
    let notes = sandbox.read("out/httpbin-httpbin/NOTES.md");
    let steps = [
        "committed and pushed",
        "`kubectl apply -f ../applicationset.yaml`",
        "`argocd app sync sallyport-namespaces`",
        secret,
        "## Apply\n\nIn this folder, in this order:\n\n```console\n$ argocd app sync sallyport-httpbin-httpbin\n$ kubectl rollout",
    ];
    assert_order(&notes, &steps);
    assert!(!notes.contains("apply -k"), "{notes}");
    // An Egress that no longer asks for it does not take the namespace away.
    assert!(sandbox.read("out/namespaces/httpbin.yaml").contains("Prune=false,Delete=false"));
    // Without an ApplicationSet the names of the Applications are the user's.
    sandbox.write("in/egress.yaml", format!("{GOOD}{TOKEN}  gateway: {{createNamespace: true, install: helm}}\n"));
    let ended = sandbox.run(&["build", "in", "-o", "other", "--argo"]);
    let steps =
        ["  commit and push other\n", "sync an Application of other/namespaces\n", secret, "follow other/httpbin"];
    assert_order(&ended.stdout, &steps);
    let notes = sandbox.read("other/httpbin-httpbin/NOTES.md");
    let steps =
        ["An Application of Argo CD", "sync an Application of `../namespaces`", secret, "Sync the Application", "helm"];
    assert_order(&notes, &steps);
}

#[test]
fn pods_of_another_tool_are_not_in_the_entry_over_all_gateways() {
    let sandbox = sandbox();
    sandbox.write("in/egress.yaml", format!("{GOOD}  gateway: {{install: helm}}\n"));
    let ended = sandbox.run(&["build", "in", "-o", "out", "--root"]);
    let last = "  kubectl apply -k out\n  install the pods with Helm as NOTES.md of their gateways says; until then \
                callers get 503\n";
    assert!(ended.stdout.ends_with(last), "{}", ended.stdout);
    let other = GOOD.replace("name: httpbin", "name: other").replace("host: httpbin.", "host: other.");
    sandbox.write("in/other.yaml", format!("{other}  gateway: {{install: istiooperator}}\n"));
    let ended = sandbox.run(&["build", "in", "-o", "out", "--root"]);
    assert!(ended.stdout.contains("install the pods with Helm and with istioctl as NOTES.md"), "{}", ended.stdout);
}

#[test]
fn names_in_commands_are_words_of_a_shell() {
    let sandbox = sandbox();
    sandbox.write("-$(x)/egress.yaml", format!("{GOOD}  gateway: {{createNamespace: true}}\n"));
    let ended = sandbox.run(&["build", "-o", "./it's", "--root", "--", "-$(x)"]);
    for command in [
        r"make the namespaces: kubectl apply -k './it'\''s/namespaces'",
        r"  kubectl apply -k './it'\''s'",
        "sallyport image push REPOSITORY --lock './-$(x)/sallyport.lock'",
    ] {
        assert!(ended.stdout.contains(command), "{command}: {}", ended.stdout);
    }
    let ended = sandbox.run(&["init", "-q w/a b.yaml"]);
    assert_eq!(ended.code, Some(64), "{}", ended.stderr);
    let ended = sandbox.run(&["init", "./w w/a b.yaml"]);
    assert!(ended.stderr.contains("sallyport check './w w/a b.yaml'"), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_lock_that_leads_nowhere_is_not_no_lock() {
    let sandbox = sandbox();
    let lock = sandbox.path().join("in/sallyport.lock");
    let _ = std::fs::remove_file(&lock);
    std::os::unix::fs::symlink("/nonexistent/lock", &lock).unwrap();
    let ended = sandbox.run(&["check", "in"]);
    assert!(ended.code == Some(1) && ended.stdout.contains("error[SP9105]"), "{}", ended.stdout);
}

#[test]
fn a_tracer_that_the_mesh_file_has_comes_with_its_settings() {
    let sandbox = sandbox();
    sandbox.write("in/egress.yaml", format!("{GOOD}  tracing: {{mode: envoy, provider: otel}}\n"));
    let note = |sandbox: &Sandbox| {
        assert_eq!(sandbox.run(&["build", "in", "-o", "out"]).code, Some(0));
        let notes = sandbox.read("out/httpbin-httpbin/NOTES.md");
        notes.lines().find(|line| line.contains("`otel`")).unwrap().to_owned()
    };
    let providers = "- The tracer `otel` among the extension providers of the mesh, which ";
    assert_eq!(note(&sandbox), format!("{providers}you add to them."));
    let mesh = "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec:\n  extensionProviders:\n  \
                - {name: otel, opentelemetry: {service: otel.o11y.svc.cluster.local, port: 4317}}\n";
    sandbox.write("in/mesh.yaml", mesh);
    assert_eq!(note(&sandbox), format!("{providers}the settings in `../mesh` bring."));
}
