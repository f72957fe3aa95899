//! A run that is killed leaves namespaces behind; the next one takes them away.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use sallyport_tests::cluster::network::{Network, run};

#[test]
fn what_a_crashed_run_left_is_taken_away() -> Result<()> {
    // A process that has ended, as a crashed run has.
    let mut ended = Command::new("true").spawn()?;
    let pid = ended.id();
    ended.wait()?;
    let (bridge, namespace) = (format!("sp{pid}"), format!("sp{pid}-2"));
    run(Command::new("ip").args(["link", "add", &bridge, "type", "bridge"]))?;
    run(Command::new("ip").args(["netns", "add", &namespace]))?;
    let link = format!("{bridge}v3");
    run(Command::new("ip").args(["link", "add", &link, "type", "veth", "peer", "name", &format!("{bridge}p")]))?;
    run(Command::new("ip").args(["link", "set", &format!("{bridge}p"), "netns", &namespace]))?;
    let mut stray = Command::new("ip").args(["netns", "exec", &namespace, "sleep", "600"]).spawn()?;
    while !run(Command::new("ip").args(["netns", "pids", &namespace]))?.contains(&stray.id().to_string()) {}

    let network = Network::new()?;
    ensure!(!stray.wait()?.success(), "what ran inside goes on");
    let left = || -> Result<String> {
        let links = run(Command::new("ip").args(["-o", "link"]))?;
        Ok(links + &run(Command::new("ip").args(["netns", "list"]))?)
    };
    ensure!(!left()?.contains(&bridge), "{}", left()?);

    // And a run that ends well leaves nothing.
    let pod = network.namespace(&[])?;
    let own = format!("sp{}", std::process::id());
    ensure!(left()?.contains(pod.name()), "{}", left()?);
    let settings = format!("/etc/netns/{}", pod.name());
    drop((pod, network));
    ensure!(!left()?.contains(&own) && fs::metadata(settings).is_err(), "{}", left()?);
    Ok(())
}
