//! Consent is a wall: on a machine with a value of its own in each place that a report could tell, a report tells what is granted, and of nothing else one byte.
// Not on Windows: the values are planted in places of Linux. What an inventory there must not tell: windows_inventory.rs.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/machine/mod.rs"]
mod machine;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use end_to_end::product::files;
use end_to_end::report::{Received, contains};
use machine::network::{Capture, is_of_the_kernel, no_routes, route_to_the_internet};
use machine::never::never;
use machine::planted::{Machine, write};
use machine::product::{Run, Way, fails_as_it_is_told, spool};
use machine::relay::Conversation;
use machine::rows::{NOT_HERE, Row, rows};
use machine::search::{Forms, Left};
use machine::{canary, on_a_machine_of_its_own, person};
use mail_parser::MessageParser;
use report_format::schema::v1::{self, Category, SectionKind};
use reporter_sdk::consent::{CategorySet, category_name};
use reporter_sdk::statement::Statement;

#[test]
#[ignore = "the product's part of the other tests"]
fn product() {
    fails_as_it_is_told();
}

/// The report that came of a crash, and all that was said to bring it.
struct Sent {
    received: Received,
    conversation: Conversation,
}

impl Sent {
    /// Takes it from the wire.
    fn from(machine: &Machine) -> Self {
        let conversation = machine.relay.takes();
        let parsed = MessageParser::default().parse(conversation.mail()).unwrap();
        assert_eq!(parsed.attachment_count(), 1);
        let received = Received::from_bytes(parsed.attachment(0).unwrap().contents().to_vec());
        assert!(contains(&conversation.server, b"250 OK id="), "the server has taken it");
        Self { received, conversation }
    }

    /// All of the memory is read while the product stands still for a dump: a standing answer without one has none, and the report says so.
    fn has_no_image(&self, row: &Row, granted: CategorySet) -> bool {
        let says_so = || self.received.soft_errors().iter().any(|soft| soft.starts_with("full memory: not read"));
        row.id == "M4" && !granted.contains(Category::Memory) && says_so()
    }

    /// What of this does not hold: what is granted is told, and of all else, and of what nobody is told, nothing is there.
    fn broken(&self, granted: CategorySet, rows: &[Row]) -> Vec<String> {
        let left = Left::of(&self.received, &self.conversation);
        let mut broken = Vec::new();
        for row in rows {
            let name = format!("{} ({}, {:?}, {})", row.id, category_name(row.category), row.canary, row.planted);
            if granted.contains(row.category) && !self.has_no_image(row, granted) {
                let told = (row.told)(&self.received);
                if !told.iter().any(|told| told.contains(&row.canary)) {
                    let told: String = told.join(", ").chars().take(200).collect();
                    broken.push(format!("{name} is granted, and not told: {told:?}"));
                }
            } else {
                let mut places = left.places_of(&Forms::of(&row.canary));
                // The regions of an image are told with the files that are mapped there, libraries among them: that is of *full memory*.
                if row.id == "M3a" && granted.contains(Category::FullMemory) {
                    places.retain(|place| *place != "Some(MemoryRegions)");
                }
                if !places.is_empty() {
                    broken.push(format!("{name} is not granted, and in {places:?}"));
                }
            }
        }
        for (what, forms) in never() {
            let places = left.places_of(&forms);
            if !places.is_empty() {
                broken.push(format!("{what} is in {places:?}"));
            }
        }
        for section in self.received.report.sections() {
            let category = section.header.category;
            if !granted.iter().any(|granted| granted as u16 == category) {
                broken.push(format!("{:?} is of the category {category}", section.kind()));
            }
        }
        broken
    }
}

/// Everything, nothing, each category alone, each left out. Contact is given at the prompt alone.
fn grants() -> Vec<(String, CategorySet)> {
    let all = CategorySet::all().without(Category::Contact);
    let mut grants = vec![("everything".to_owned(), all), ("nothing".to_owned(), CategorySet::essential())];
    for category in all.iter().filter(|category| *category != Category::Essential) {
        let name = category_name(category);
        grants.push((format!("{name} alone"), CategorySet::essential().with(category)));
        grants.push((format!("all but {name}"), all.without(category)));
    }
    grants
}

/// What of a report does not hold, for each report on the way to which something was granted by `crash`.
fn broken_walls(crash: impl Fn(&Machine, CategorySet)) -> Vec<String> {
    let machine = Machine::planted();
    route_to_the_internet();
    let rows = rows();
    let mut broken: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, granted) in grants() {
        let started = Instant::now();
        let sent = sent_in_time(&machine, || crash(&machine, granted));
        let crashed = started.elapsed();
        for found in sent.broken(granted, &rows) {
            broken.entry(found).or_default().push(name.clone());
        }
        println!("{name:32} crash and mail {crashed:.1?}, search {:.1?}", started.elapsed() - crashed);
    }
    broken.iter().map(|(what, grants)| format!("{what}: {grants:?}")).collect()
}

/// A machine that is busy with other tests can leave a part of the inventory without an answer. Then once more.
fn sent_in_time(machine: &Machine, crash: impl Fn()) -> Sent {
    let is_late = |sent: &Sent| sent.received.soft_errors().iter().any(|soft| soft.contains("no answer in"));
    let mut reports = std::iter::repeat_with(|| {
        crash();
        Sent::from(machine)
    });
    let in_time = reports.by_ref().take(3).find(|sent| !is_late(sent));
    in_time.expect("three times a part of the inventory gave no answer in its time")
}

#[test]
fn what_a_person_leaves_out_is_in_no_byte_and_what_they_send_is_told() {
    on_a_machine_of_its_own("what_a_person_leaves_out_is_in_no_byte_and_what_they_send_is_told", || {
        let broken = broken_walls(|machine, granted| {
            machine.product_crashes_before(&Run::ASKS, |terminal| person::sends(terminal, granted));
        });
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    });
}

#[test]
fn what_a_standing_answer_leaves_out_is_in_no_byte_and_what_it_allows_is_told() {
    on_a_machine_of_its_own("what_a_standing_answer_leaves_out_is_in_no_byte_and_what_it_allows_is_told", || {
        let broken = broken_walls(|machine, granted| machine.product_crashes(&Run::allowed(granted)));
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    });
}

#[test]
fn what_an_administrator_lets_go_is_sent_unasked_and_nothing_beside_it() {
    on_a_machine_of_its_own("what_an_administrator_lets_go_is_sent_unasked_and_nothing_beside_it", || {
        use Category::{Contact, Devices, FullMemory, InstalledSoftware, Network, Processes, Screen, System};
        let machine = Machine::planted();
        route_to_the_internet();
        let lays_down = |policy: &str| write(Path::new("/etc/error-reporting/policy.toml"), policy);
        let rows = rows();
        let safe: CategorySet = [System, Processes, InstalledSoftware, Devices].into_iter().collect();
        let everything =
            [Contact, Screen, FullMemory, Network].into_iter().fold(CategorySet::all(), CategorySet::without);
        for (policy, granted) in [
            ("consent = \"basic\"", CategorySet::essential()),
            ("consent = \"safe\"", safe),
            ("consent = \"everything\"\nnever = [\"network\"]", everything),
        ] {
            lays_down(policy);
            let sent = sent_in_time(&machine, || machine.product_crashes(&Run::ASKS));
            assert_eq!(sent.broken(granted, &rows), [] as [String; 0], "{policy}");
            let consent: v1::ConsentRecord = sent.received.message(SectionKind::Consent);
            assert_eq!(consent.source(), v1::ConsentSource::Administrator, "{policy}");
        }
        // Whatever the person has allowed.
        lays_down("consent = \"never\"");
        machine.product_crashes(&Run::allowed(CategorySet::all()));
        assert!(machine.relay.takes().handler.is_empty(), "nothing was said");
        for folder in ["new", "out"] {
            assert_eq!(files(&spool().join(folder)), [] as [std::path::PathBuf; 0], "{folder}");
        }
    });
}

#[test]
fn what_a_person_types_is_in_the_report_and_what_they_take_back_is_not() {
    on_a_machine_of_its_own("what_a_person_types_is_in_the_report_and_what_they_take_back_is_not", || {
        let machine = Machine::planted();
        let typed = [canary::FIRST_NAME, canary::LAST_NAME, canary::EMAIL, canary::DESCRIPTION];
        let all_else = CategorySet::all().without(Category::Contact);
        let contact_alone = CategorySet::essential().with(Category::Contact);

        for granted in [CategorySet::all(), contact_alone] {
            machine.product_crashes_before(&Run::ASKS, |terminal| {
                person::enters(terminal, typed);
                person::sends(terminal, granted);
            });
            let sent = Sent::from(&machine);
            let contact: v1::Contact = sent.received.message(SectionKind::Contact);
            assert_eq!([&contact.first_name, &contact.last_name, &contact.email, &contact.description], typed);
            assert_eq!(sent.broken(granted, &[]), [] as [String; 0]);
        }

        machine.product_crashes_before(&Run::ASKS, |terminal| {
            person::enters(terminal, typed);
            person::enters(terminal, [""; 4]);
            person::sends(terminal, all_else);
        });
        let sent = Sent::from(&machine);
        assert!(!sent.received.kinds().contains(&SectionKind::Contact));
        let left = Left::of(&sent.received, &sent.conversation);
        for text in typed {
            assert_eq!(left.places_of(&Forms::of(text)), [] as [&str; 0], "{text}");
        }
        assert_eq!(sent.broken(all_else, &[]), [] as [String; 0]);
    });
}

#[test]
fn an_errors_own_words_are_told_without_the_users_name_a_password_and_local_addresses() {
    on_a_machine_of_its_own(
        "an_errors_own_words_are_told_without_the_users_name_a_password_and_local_addresses",
        || {
            let machine = Machine::planted();
            route_to_the_internet();
            for granted in [CategorySet::essential(), CategorySet::all()] {
                machine.product_crashes(&Run { way: Way::Panic, ..Run::allowed(granted) });
                let sent = Sent::from(&machine);
                let message = &sent.received.error().chain[0].message;
                let told = format!("/home/<user>/notes/{} by http://<address>:3128/ of <address>", canary::ERROR);
                assert!(message.contains(&told), "{message}");
                assert_eq!(sent.broken(granted, &[]), [] as [String; 0]);
            }
        },
    );
}

#[test]
fn of_a_proxy_and_of_a_way_to_the_internet_only_global_addresses_are_told() {
    on_a_machine_of_its_own("of_a_proxy_and_of_a_way_to_the_internet_only_global_addresses_are_told", || {
        let machine = Machine::planted();
        let granted = CategorySet::all();
        let network = |environment: &[(&str, &str)]| {
            machine.product_crashes(&Run { environment, ..Run::allowed(granted) });
            let sent = Sent::from(&machine);
            assert_eq!(sent.broken(granted, &[]), [] as [String; 0]);
            let network: v1::Network = sent.received.message(SectionKind::Network);
            (network.proxy, network.public_address)
        };
        let told = |proxy: &str, address: &str| (proxy.to_owned(), address.to_owned());
        let proxy = |address: &str| format!("http://{}:{}@{address}:3128/", canary::PROXY_USER, canary::PROXY_PASSWORD);
        assert_eq!(network(&[]), told("none", ""), "with no way to the Internet");
        route_to_the_internet();
        assert_eq!(network(&[]), told("none", canary::PUBLIC_ADDRESS));
        let (local, public) = (proxy(canary::LAN_PROXY), proxy(canary::PUBLIC_PROXY));
        assert_eq!(network(&[("https_proxy", &local)]), told("proxy on the local network", ""));
        assert_eq!(network(&[("https_proxy", &public)]), told("internet", canary::PUBLIC_PROXY));
    });
}

#[test]
fn while_it_collects_the_handler_sends_no_packet_anywhere() {
    on_a_machine_of_its_own("while_it_collects_the_handler_sends_no_packet_anywhere", || {
        let machine = Machine::planted();
        let capture = Capture::proven();
        no_routes();
        let started = Instant::now();
        machine.product_crashes(&Run::ASKS);
        // Nothing waits for a network that is not there.
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        let drafts = files(&spool().join("new"));
        assert_eq!(drafts.len(), 1, "it is kept: {drafts:?}");
        assert_eq!(capture.packets(), [] as [Vec<u8>; 0]);
        // The same, allowed to send, is seen to.
        machine.product_crashes(&Run::allowed(CategorySet::all()));
        Sent::from(&machine);
        assert!(!capture.packets().is_empty());
    });
}

#[test]
fn only_what_the_kernel_says_by_itself_is_no_programs_packet() {
    // As it was captured: a report of listeners, behind a header of options.
    let report = [
        &[0x33, 0x33, 0, 0, 0, 22, 94, 202, 154, 23, 224, 177, 0x86, 0xdd, 96, 0, 0, 0, 0, 56, 0, 1][..],
        &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 202, 154, 23, 224, 177, 192, 222, 94],
        &[0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 22],
        &[58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 81, 189, 0, 0, 0, 2],
    ]
    .concat();
    assert!(is_of_the_kernel(&report));
    let changed = |at: usize, byte: u8| {
        let mut packet = report.clone();
        packet[at] = byte;
        packet
    };
    let (of_udp, echo, other_protocol) = (changed(54, 17), changed(62, 128), changed(13, 0));
    for packet in [of_udp, echo, other_protocol, report[..60].to_vec(), Vec::new()] {
        assert!(!is_of_the_kernel(&packet), "{packet:?}");
    }
}

/// What every report of this machine was asked to look at.
fn times(machine: &Machine) -> v1::Diagnostics {
    let sent = sent_in_time(machine, || machine.product_crashes(&Run::allowed(CategorySet::all())));
    let diagnostics: v1::Diagnostics = sent.received.message(SectionKind::Diagnostics);
    let millis = |nanos: u64| nanos as f64 / 1e6;
    for subject in &diagnostics.subjects {
        println!("{:32} {:9.2} ms of {:6.0}", subject.subject, millis(subject.took_nanos), millis(subject.limit_nanos));
    }
    println!("{:32} {:9.2} ms", "collected", millis(diagnostics.collect_nanos));
    for soft in &diagnostics.soft_errors {
        println!("{}: {}", soft.subject, soft.message);
    }
    diagnostics
}

#[test]
fn each_subject_is_told_with_its_time_which_is_below_its_limit() {
    on_a_machine_of_its_own("each_subject_is_told_with_its_time_which_is_below_its_limit", || {
        let diagnostics = times(&Machine::planted());
        let names = |times: &[v1::SubjectTime]| times.iter().map(|time| time.subject.clone()).collect::<Vec<_>>();
        let told = names(&diagnostics.subjects);
        for subject in names(&reporter_sdk::inventory::collect(|_| true).times) {
            assert!(told.contains(&subject), "{subject} is not among {told:?}");
        }
        for subject in ["os", "cpu", "volumes", "account", "network", "processes", "services"] {
            assert!(told.contains(&format!("inventory.{subject}")), "{subject} is not among {told:?}");
        }
        for subject in &diagnostics.subjects {
            assert!(subject.took_nanos < subject.limit_nanos, "{subject:?}");
            assert!(subject.took_nanos > 0, "{subject:?}");
        }
    });
}

#[test]
#[ignore = "an absolute time, which a machine that is busy with other tests cannot keep"]
fn everything_is_collected_in_a_second_and_a_half() {
    on_a_machine_of_its_own("everything_is_collected_in_a_second_and_a_half", || {
        let diagnostics = times(&Machine::planted());
        assert!(Duration::from_nanos(diagnostics.collect_nanos) < Duration::from_millis(1500));
    });
}

/// The rows of the policy, as the schema names them; another test holds these against the policy's page.
fn policy() -> BTreeSet<String> {
    let facts = Statement::of_schema().categories.into_iter().flat_map(|category| category.facts);
    // The record of consent is of the decision's making.
    facts.flat_map(|fact| fact.rows).filter(|row| row != "H3").collect()
}

#[test]
fn every_row_of_the_policy_has_its_canary() {
    on_a_machine_of_its_own("every_row_of_the_policy_has_its_canary", || {
        let _machine = Machine::planted();
        let rows = rows();
        let policy = policy();
        assert!(policy.len() > 20, "{policy:?}");
        for id in &policy {
            let planted = rows.iter().any(|row| row.id == id);
            let elsewhere = NOT_HERE.iter().any(|(missing, _)| *missing == id);
            let impossible = id == "M3c" && !std::path::Path::new("/proc/modules").exists();
            assert!(planted || elsewhere || impossible, "{id} has no canary");
        }
        for row in &rows {
            assert!(policy.contains(row.id), "{} is no row of the policy", row.id);
            let parts_of_it = rows.iter().filter(|other| row.canary.contains(&other.canary)).count();
            assert_eq!(parts_of_it, 1, "{:?} holds another canary", row.canary);
        }
    });
}
