//! A session bus of its own, and a desktop on it that takes images, as far as its portal and the store of what it may do go.

#![allow(dead_code, reason = "each test program uses its share")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::Stream;
use zbus::connection::Builder;
use zbus::{Message, MessageStream, Variant, block_on};

/// What the desktop does when it is asked for an image.
#[derive(Clone, Debug)]
pub(crate) enum Takes {
    /// This file.
    Image(PathBuf),
    /// Says no.
    Declines,
    /// Waits for the person.
    Asks,
}

/// The bus, with the desktop on it; both end with this value.
pub(crate) struct SessionBus {
    daemon: Child,
    directory: tempfile::TempDir,
    /// The members that were called.
    called: Arc<Mutex<Vec<String>>>,
}

impl SessionBus {
    /// `allowed`: by application, what the person has allowed it.
    pub(crate) fn start(allowed: &[(&str, &str)], takes: Takes) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("bus");
        let configuration = directory.path().join("bus.conf");
        let lines = format!(
            r#"<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#,
            socket.display()
        );
        fs::write(&configuration, lines).unwrap();
        // A test that is killed takes its bus with it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "dbus-daemon", "--nofork", "--nopidfile", "--print-address=1"]);
        command.arg(format!("--config-file={}", configuration.display()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut daemon = command.spawn().expect("setpriv is part of util-linux");
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("unix:"), "no session bus to test with: install the package dbus-daemon");
        let bus = Self { daemon, directory, called: Arc::default() };
        let desktop = Desktop {
            allowed: allowed
                .iter()
                .map(|(application, may)| (application.to_string(), vec![may.to_string()]))
                .collect(),
            takes,
            called: Arc::clone(&bus.called),
        };
        let (address, (ready, is_ready)) = (bus.address(), std::sync::mpsc::channel());
        // It ends with the bus.
        std::thread::spawn(move || block_on(desktop.serve(&address, &ready)));
        is_ready.recv_timeout(Duration::from_secs(30)).expect("a desktop on the bus");
        bus
    }

    /// For `DBUS_SESSION_BUS_ADDRESS`.
    pub(crate) fn address(&self) -> String {
        format!("unix:path={}", self.socket().display())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("bus")
    }

    /// A path for the desktop's image, in an odd folder.
    pub(crate) fn place(&self) -> PathBuf {
        image_in(self.directory.path())
    }

    pub(crate) fn called(&self) -> Vec<String> {
        self.called.lock().unwrap().clone()
    }
}

/// Where a desktop may write what it took.
pub(crate) fn image_in(folder: &Path) -> PathBuf {
    folder.join("my pictures/100%.png")
}

impl Drop for SessionBus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

struct Desktop {
    allowed: HashMap<String, Vec<String>>,
    takes: Takes,
    called: Arc<Mutex<Vec<String>>>,
}

impl Desktop {
    async fn serve(self, address: &str, ready: &std::sync::mpsc::Sender<()>) {
        let bus = Builder::address(address).build().await.unwrap();
        let mut calls = MessageStream::from(&bus);
        bus.request_name("org.freedesktop.impl.portal.PermissionStore").await.unwrap();
        bus.request_name("org.freedesktop.portal.Desktop").await.unwrap();
        ready.send(()).unwrap();
        while let Some(Ok(message)) = std::future::poll_fn(|context| Pin::new(&mut calls).poll_next(context)).await {
            let header = message.header();
            let Some(member) = header.member().filter(|_| message.message_type() == zbus::message::Type::MethodCall)
            else {
                continue;
            };
            self.called.lock().unwrap().push(member.to_string());
            match member.as_str() {
                "Lookup" => {
                    let (table, id): (String, String) = message.body().deserialize().unwrap();
                    assert_eq!((table.as_str(), id.as_str()), ("screenshot", "screenshot"));
                    bus.reply(&header, &(&self.allowed, Variant::from(0_u8))).await.unwrap();
                }
                "Screenshot" => self.screenshot(&bus, &message).await,
                _ => {}
            }
        }
    }

    async fn screenshot(&self, bus: &zbus::Connection, message: &Message) {
        let header = message.header();
        let sender = header.sender().unwrap();
        let body = message.body();
        let (window, options): (String, HashMap<String, Variant<'_>>) = body.deserialize().unwrap();
        assert_eq!((window.as_str(), &options["interactive"]), ("", &Variant::from(false)));
        let token = String::try_from(&options["handle_token"]).unwrap();
        let name = sender.trim_start_matches(':').replace('.', "_");
        let request = format!("/org/freedesktop/portal/desktop/request/{name}/{token}");
        let path = zbus::ObjectPath::try_from(request.as_str()).unwrap();
        bus.reply(&header, &path).await.unwrap();
        let mut results = HashMap::new();
        let response = match &self.takes {
            Takes::Asks => return,
            Takes::Declines => 1_u32,
            Takes::Image(file) => {
                let escaped = file.display().to_string().replace('%', "%25").replace(' ', "%20");
                results.insert("uri", Variant::from(format!("file://{escaped}")));
                0
            }
        };
        let interface = "org.freedesktop.portal.Request";
        let sent = bus.emit_signal(Some(sender), path, interface, "Response", &(response, results)).await;
        sent.unwrap();
    }
}
