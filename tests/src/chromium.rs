//! A real Chromium without a window, driven over the pipe of its DevTools protocol.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use serde_json::{Value, json};

use crate::process::{Program, Scratch, Stdout};

/// How long it may take to start, or to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it must not do beside showing a page. Its own sandbox needs user namespaces, which a container may not have.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
];

/// A running Chromium.
#[derive(Debug)]
pub struct Chromium {
    to: ChildStdin,
    answers: Receiver<Value>,
    last: u64,
    _program: Program,
}

/// A page of it.
#[derive(Debug)]
pub struct Page<'c> {
    chromium: &'c mut Chromium,
    session: String,
    /// What the page did that is worth a look: what it fetched, and what its console said.
    events: Vec<Value>,
}

impl Chromium {
    /// Starts it with a profile of its own.
    pub fn start(scratch: &Scratch) -> Result<Self> {
        let profile = scratch.folder("chromium")?;
        // The protocol's pipe is at the descriptors 3 and 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec chromium \"$@\" 3<&0 4>&1 0</dev/null 1>&2", "sh"]).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.display())).arg("about:blank");
        command.env("HOME", scratch.path());
        let mut program = Program::start_with_stdin("chromium", scratch.path(), &mut command, Stdout::Taken)?;
        let (to, from) = (program.take_stdin()?, program.take_stdout()?);
        let (send, answers) = channel();
        thread::spawn(move || read(from, |message| send.send(message).is_ok()));
        let mut chromium = Self { to, answers, last: 0, _program: program };
        let version = chromium.call(None, "Browser.getVersion", &json!({}), &mut Vec::new());
        version.context("Chromium is not set up: run `tests/setup chromium`")?;
        Ok(chromium)
    }

    /// Opens a file in a window of this size, as a system with this colour scheme does, and waits until it is loaded.
    pub fn open(&mut self, file: &Path, size: [u32; 2], scheme: &str) -> Result<Page<'_>> {
        let mut events = Vec::new();
        let target = self.call(None, "Target.createTarget", &json!({"url": "about:blank"}), &mut events)?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.call(None, "Target.attachToTarget", &attach, &mut events)?;
        let session = attached["sessionId"].as_str().context("no session")?.to_owned();
        let mut page = Page { chromium: self, session, events };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), &json!({}))?;
        }
        let [width, height] = size;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        page.call("Emulation.setDeviceMetricsOverride", &metrics)?;
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        page.call("Emulation.setEmulatedMedia", &media)?;
        let url = format!("file://{}", fs::canonicalize(file)?.display());
        page.call("Page.navigate", &json!({"url": url}))?;
        page.wait("document.readyState === 'complete' && location.href !== 'about:blank'")?;
        Ok(page)
    }

    fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        parameters: &Value,
        events: &mut Vec<Value>,
    ) -> Result<Value> {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.to.write_all(format!("{message}\0").as_bytes())?;
        loop {
            let answer = self.answers.recv_timeout(PATIENCE).with_context(|| format!("{method}: no answer"))?;
            if answer["id"].as_u64() != Some(self.last) {
                events.push(answer);
            } else if answer["error"].is_null() {
                return Ok(answer["result"].clone());
            } else {
                bail!("{method}: {}", answer["error"]);
            }
        }
    }
}

fn read(from: ChildStdout, mut take: impl FnMut(Value) -> bool) {
    for message in BufReader::new(from).split(0) {
        let Some(message) = message.ok().and_then(|message| serde_json::from_slice(&message).ok()) else { return };
        if !take(message) {
            return;
        }
    }
}

impl Page<'_> {
    fn call(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        let session = self.session.clone();
        self.chromium.call(Some(&session), method, parameters, &mut self.events)
    }

    /// What an expression is in the page.
    pub fn eval(&mut self, expression: &str) -> Result<Value> {
        let result = self.call("Runtime.evaluate", &json!({"expression": expression, "returnByValue": true}))?;
        ensure!(result["exceptionDetails"].is_null(), "`{expression}`: {}", result["exceptionDetails"]);
        Ok(result["result"]["value"].clone())
    }

    /// The text that an expression is.
    pub fn text(&mut self, expression: &str) -> Result<String> {
        self.eval(expression)?.as_str().map(str::to_owned).with_context(|| format!("`{expression}` is no text"))
    }

    /// Waits until an expression is true.
    pub fn wait(&mut self, expression: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.eval(expression)? != Value::Bool(true) {
            ensure!(Instant::now() < deadline, "`{expression}` does not become true");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Presses and releases a key, by the name that `KeyboardEvent.key` has.
    pub fn press(&mut self, key: &str) -> Result<()> {
        let mut down = json!({"type": "keyDown", "key": key, "code": key});
        if key == "Enter" {
            down["text"] = "\r".into();
            down["windowsVirtualKeyCode"] = 13.into();
        } else if key == "Tab" {
            down["windowsVirtualKeyCode"] = 9.into();
        } else if key.chars().count() == 1 {
            down["text"] = key.into();
        }
        self.call("Input.dispatchKeyEvent", &down)?;
        self.call("Input.dispatchKeyEvent", &json!({"type": "keyUp", "key": key, "code": key}))?;
        Ok(())
    }

    /// Types a text where the focus is.
    pub fn type_text(&mut self, text: &str) -> Result<()> {
        self.call("Input.insertText", &json!({"text": text})).map(drop)
    }

    /// Clicks into the middle of the element that an expression is.
    pub fn click(&mut self, element: &str) -> Result<()> {
        let place = self.eval(&format!(
            "(() => {{ const e = {element}; e.scrollIntoView({{block: 'nearest'}}); const b = e.getBoundingClientRect(); \
             return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
        ))?;
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", &event)?;
        }
        Ok(())
    }

    /// Drags from one place of the window to another.
    pub fn drag(&mut self, from: [u32; 2], to: [u32; 2]) -> Result<()> {
        for (kind, [x, y]) in [("mousePressed", from), ("mouseMoved", to), ("mouseReleased", to)] {
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", &event)?;
        }
        Ok(())
    }

    /// Turns the wheel while the control key is held.
    pub fn control_wheel(&mut self, at: [u32; 2], by: i32) -> Result<()> {
        let [x, y] = at;
        let event = json!({"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": by, "modifiers": 2});
        self.call("Input.dispatchMouseEvent", &event).map(drop)
    }

    /// Loads it again as a browser without scripts does.
    pub fn without_scripts(&mut self) -> Result<()> {
        self.call("Emulation.setScriptExecutionDisabled", &json!({"value": true}))?;
        self.eval("window.isOld = true")?;
        self.call("Page.reload", &json!({}))?;
        self.wait("document.readyState === 'complete' && window.isOld === undefined")
    }

    /// What it fetched but itself, what its scripts failed with, and what the browser refused or warned of.
    pub fn complaints(&mut self) -> Result<Vec<Value>> {
        self.eval("0")?;
        let is_complaint = |event: &&Value| match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let url = event["params"]["request"]["url"].as_str().unwrap_or_default();
                event["params"]["type"] != "Document" && !url.starts_with("data:")
            }
            Some("Runtime.exceptionThrown" | "Log.entryAdded" | "Page.javascriptDialogOpening") => true,
            _ => false,
        };
        Ok(self.events.iter().filter(is_complaint).cloned().collect())
    }

    /// Writes what it shows as a PNG.
    pub fn screenshot(&mut self, file: &Path) -> Result<()> {
        let shot = self.call("Page.captureScreenshot", &json!({"format": "png"}))?;
        let data = shot["data"].as_str().context("no picture")?;
        fs::write(file, base64::engine::general_purpose::STANDARD.decode(data)?)?;
        Ok(())
    }
}
