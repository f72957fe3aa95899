//! Enforces NetworkPolicies on a pod, as a network plugin does: the objects that the API server holds become rules of
//! iptables in the pod's network namespace, before the first container starts.
//!
//! What a pod may reach is looked up once, when it starts: pods that come later are not known to it. A peer that is selected
//! by labels is a pod with them, or what stands behind a Service that selects pods by them, because istiod is no pod here. A
//! field that this does not know is an error. A connection that no rule allows is reset and counted.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::kubectl::Kubectl;
use super::network::{Namespace, command_in, run};
use super::pod::{list, text};

/// What the rules that reset a connection are called.
const CUT: &str = "sallyport-cut";
/// Where clouds tell a machine about itself. Agents ask, and no policy of ours lets them.
const LINK_LOCAL: &str = "169.254.0.0/16";

/// How many packets were cut that wanted into a pod, and out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Into the pod.
    pub ingress: u64,
    /// Out of the pod, but for link-local addresses.
    pub egress: u64,
}

/// Lays the rules of every NetworkPolicy that selects this pod into its namespace; whether there is one.
pub fn enforce(pod: &Value, namespace: &Namespace, kubectl: &Kubectl) -> Result<bool> {
    let home = text(pod, "/metadata/namespace")?;
    let policies = kubectl.get(&["networkpolicies", "-n", home])?;
    let labels = &pod["metadata"]["labels"];
    let mut chains = [None, None];
    for policy in list(&policies, "/items") {
        if !selects(&policy["spec"]["podSelector"], labels)? {
            continue;
        }
        for (chain, (kind, rules, peers)) in
            chains.iter_mut().zip([("Ingress", "/spec/ingress", "/from"), ("Egress", "/spec/egress", "/to")])
        {
            if !list(policy, "/spec/policyTypes").iter().any(|found| found == kind) {
                continue;
            }
            let lines: &mut Vec<String> = chain.get_or_insert_default();
            for rule in list(policy, rules) {
                lines.extend(allowed(rule, peers, home, kubectl)?);
            }
        }
    }
    let [ingress, egress] = chains;
    if ingress.is_none() && egress.is_none() {
        return Ok(false);
    }
    let mut text = "*filter\n".to_owned();
    for (chain, side, device, rules) in [("INPUT", "-s", "-i", ingress), ("OUTPUT", "-d", "-o", egress)] {
        let Some(rules) = rules else { continue };
        text.push_str(&format!("-A {chain} {device} lo -j ACCEPT\n"));
        text.push_str(&format!("-A {chain} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"));
        for rule in rules {
            text.push_str(&format!("-A {chain} {} -j ACCEPT\n", rule.replace("{peer}", side)));
        }
        if chain == "OUTPUT" {
            text.push_str(&format!("-A {chain} -d {LINK_LOCAL} -j DROP\n"));
        }
        text.push_str(&format!("-A {chain} -p tcp -m comment --comment {CUT} -j REJECT --reject-with tcp-reset\n"));
        text.push_str(&format!("-A {chain} -m comment --comment {CUT} -j DROP\n"));
    }
    text.push_str("COMMIT\n");
    restore(namespace, &text)?;
    Ok(true)
}

/// How many packets the rules have cut in the network namespace of this name.
pub fn cut(namespace: &str) -> Result<Cut> {
    let rules = run(command_in(namespace, "iptables-save").arg("-c"))?;
    let of = |chain: &str| {
        let of_chain = rules.lines().filter(|line| line.contains(&format!("-A {chain} ")) && line.contains(CUT));
        let packets = of_chain.filter_map(|line| line.trim_start_matches('[').split(':').next()?.parse::<u64>().ok());
        packets.sum()
    };
    ensure!(rules.contains(CUT), "no NetworkPolicy is enforced in {namespace}");
    Ok(Cut { ingress: of("INPUT"), egress: of("OUTPUT") })
}

fn restore(namespace: &Namespace, rules: &str) -> Result<()> {
    let mut command = namespace.command("iptables-restore");
    let mut child =
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot start iptables-restore")?;
    child.stdin.take().context("no stdin")?.write_all(rules.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}: {rules}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// One rule as matches of iptables, in which `{peer}` stands for the option of the other side's address.
fn allowed(rule: &Value, peers: &str, home: &str, kubectl: &Kubectl) -> Result<Vec<String>> {
    let ports = list(rule, "/ports").iter().map(port).collect::<Result<Vec<_>>>()?;
    let ports = if ports.is_empty() { vec![String::new()] } else { ports };
    // No list of peers: every peer.
    let addresses = match rule.pointer(peers) {
        None => vec![String::new()],
        Some(_) => {
            let mut found = BTreeSet::new();
            for peer in list(rule, peers) {
                found.extend(addresses(peer, home, kubectl)?);
            }
            found.into_iter().map(|address| format!("{{peer}} {address}")).collect()
        }
    };
    Ok(addresses.iter().flat_map(|address| ports.iter().map(move |port| format!("{address} {port}"))).collect())
}

fn port(port: &Value) -> Result<String> {
    known(port, &["port", "protocol"])?;
    let number = port["port"].as_u64().with_context(|| format!("not a port number: {port}"))?;
    let protocol = port["protocol"].as_str().unwrap_or("TCP").to_lowercase();
    Ok(format!("-p {protocol} -m {protocol} --dport {number}"))
}

fn addresses(peer: &Value, home: &str, kubectl: &Kubectl) -> Result<BTreeSet<String>> {
    known(peer, &["ipBlock", "namespaceSelector", "podSelector"])?;
    if let Some(block) = peer.get("ipBlock") {
        known(block, &["cidr"])?;
        return Ok(BTreeSet::from([text(block, "/cidr")?.to_owned()]));
    }
    let mut namespaces = BTreeSet::new();
    match peer.get("namespaceSelector") {
        None => drop(namespaces.insert(home.to_owned())),
        Some(selector) => {
            for namespace in list(&kubectl.get(&["namespaces"])?, "/items") {
                if selects(selector, &namespace["metadata"]["labels"])? {
                    namespaces.insert(text(namespace, "/metadata/name")?.to_owned());
                }
            }
        }
    }
    let everything = Value::Object(Map::new());
    let selector = peer.get("podSelector").unwrap_or(&everything);
    let mut found = BTreeSet::new();
    for pod in list(&kubectl.get(&["pods", "-A"])?, "/items") {
        let address = pod.pointer("/status/podIP").and_then(Value::as_str).filter(|address| !address.is_empty());
        if let Some(address) =
            address.filter(|_| namespaces.contains(pod["metadata"]["namespace"].as_str().unwrap_or_default()))
            && selects(selector, &pod["metadata"]["labels"])?
        {
            found.insert(address.to_owned());
        }
    }
    for service in list(&kubectl.get(&["services", "-A"])?, "/items") {
        let (of, name) = (text(service, "/metadata/namespace")?, text(service, "/metadata/name")?);
        if !namespaces.contains(of)
            || service["spec"].get("selector").is_none()
            || !selects(selector, &service["spec"]["selector"])?
        {
            continue;
        }
        let label = format!("kubernetes.io/service-name={name}");
        let slices = kubectl.get(&["endpointslices", "-n", of, "-l", &label])?;
        let endpoints = list(&slices, "/items").iter().flat_map(|slice| list(slice, "/endpoints"));
        found.extend(
            endpoints.flat_map(|endpoint| list(endpoint, "/addresses")).filter_map(Value::as_str).map(str::to_owned),
        );
    }
    found.retain(|address| address.parse::<Ipv4Addr>().is_ok());
    Ok(found)
}

/// Whether a label selector selects something with these labels.
fn selects(selector: &Value, labels: &Value) -> Result<bool> {
    known(selector, &["matchLabels", "matchExpressions"])?;
    let mut exact = selector["matchLabels"].as_object().into_iter().flatten();
    let mut all = exact.all(|(key, value)| labels.get(key) == Some(value));
    for expression in list(selector, "/matchExpressions") {
        let value = labels.get(text(expression, "/key")?);
        let listed = value.is_some_and(|value| list(expression, "/values").contains(value));
        all &= match text(expression, "/operator")? {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            other => bail!("an unknown operator: {other}"),
        };
    }
    Ok(all)
}

fn known(value: &Value, fields: &[&str]) -> Result<()> {
    let unknown = value.as_object().into_iter().flatten().find(|(field, _)| !fields.contains(&field.as_str()));
    ensure!(unknown.is_none(), "not enforced: {unknown:?} of {value}");
    Ok(())
}
