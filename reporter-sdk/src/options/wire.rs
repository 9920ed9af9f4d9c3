//! Options as the handler is told them. The password goes on from here in one place only.

use std::{env, time::Duration};

use report_format::schema::v1;
use zeroize::Zeroize;

use super::{Children, Dump, FileAttachment, Mail, Options, Policy, Restart, Tls, Transport};
use crate::{os_bytes::to_bytes, schema};

/// The configuration of a [`schema::Hello`]. Call [`wipe`] on it once it is encoded.
///
/// Takes the options' mail, and with it the password: moved, not copied.
pub(crate) fn configuration(options: &mut Options) -> schema::Configuration {
    schema::Configuration {
        product: Some(v1::Product {
            vendor: options.vendor.clone(),
            name: options.name.clone(),
            version: options.version.clone(),
            build: options.build.clone(),
            channel: options.channel.clone(),
            sdk_version: env!("CARGO_PKG_VERSION").into(),
        }),
        product_id: options.product_id.map(Vec::from).unwrap_or_default(),
        spool_directory: options.spool.as_ref().map(|path| to_bytes(path.as_os_str())).unwrap_or_default(),
        categories: options
            .categories
            .iter()
            .map(|(category, policy)| schema::CategoryPolicy {
                category: (*category).into(),
                policy: wire_policy(*policy).into(),
            })
            .collect(),
        kinds: options
            .kinds
            .iter()
            .map(|(kind, policy, dump)| schema::KindPolicy {
                kind: (*kind).into(),
                policy: wire_policy(*policy).into(),
                dump: wire_dump(*dump).into(),
            })
            .collect(),
        notice: Some(schema::Notice {
            purpose: options.notice.purpose.clone(),
            recipient: options.notice.recipient.clone(),
            access: options.notice.access.clone(),
            retention: options.notice.retention.clone(),
            erasure: options.notice.erasure.clone(),
        }),
        mail: options.mail.take().map(mail),
        waits: Some(schema::Waits {
            without_progress_millis: millis(options.without_progress),
            longest_millis: millis(options.longest),
        }),
        command_line: if options.include_command_line {
            env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect()
        } else {
            Vec::new()
        },
        attachments: options.attachments.iter().map(attachment).collect(),
        simulate: false,
        hang_after_millis: options.hang_after.as_millis().try_into().unwrap_or(u64::MAX),
        limits: Some(schema::Limits {
            per_signature: options.limits.per_signature,
            per_day: options.limits.per_day,
            drafts: options.limits.drafts,
            outgoing: options.limits.outgoing,
            bytes: options.limits.bytes,
            full_memory: options.limits.full_memory,
        }),
        restart: options.restart.as_ref().map(restart),
        children: options.children == Children::Inherit,
        sanitised_stacks: options.sanitised_stacks,
        own_windows_only: options.own_windows_only,
        dialog: options.dialog.as_ref().map(|path| to_bytes(path.as_os_str())).unwrap_or_default(),
        branding: options.branding.as_ref().map(|path| to_bytes(path.as_os_str())).unwrap_or_default(),
    }
}

/// Overwrites the credentials.
pub(crate) fn wipe(configuration: &mut schema::Configuration) {
    if let Some(schema::Mail { transport: Some(schema::mail::Transport::Smtp(smtp)), .. }) = &mut configuration.mail {
        smtp.username.zeroize();
        smtp.password.zeroize();
    }
}

pub(crate) fn attachment(file: &FileAttachment) -> schema::AttachFile {
    schema::AttachFile {
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        path: to_bytes(file.path.as_os_str()),
    }
}

fn mail(mail: Mail) -> schema::Mail {
    let transport = mail.transport.map(|transport| match transport {
        Transport::Smtp(mut smtp) => schema::mail::Transport::Smtp(schema::Smtp {
            host: std::mem::take(&mut smtp.host),
            port: smtp.port.into(),
            tls: match smtp.tls {
                Tls::Implicit => schema::Tls::Implicit,
                Tls::StartTls => schema::Tls::Starttls,
                Tls::None => schema::Tls::None,
            }
            .into(),
            username: std::mem::take(&mut smtp.username),
            password: std::mem::take(&mut *smtp.password),
            root_certificate: std::mem::take(&mut smtp.root_certificate),
            timeout_millis: millis(smtp.timeout),
        }),
        Transport::EmlDirectory(path) => {
            schema::mail::Transport::EmlDirectory(schema::EmlDirectory { path: to_bytes(path.as_os_str()) })
        }
    });
    schema::Mail { from: mail.from, to: mail.to, transport }
}

fn restart(restart: &Restart) -> schema::Restart {
    schema::Restart {
        program: to_bytes(restart.program.as_os_str()),
        arguments: restart.arguments.iter().map(|argument| to_bytes(argument)).collect(),
        directory: to_bytes(restart.directory.as_os_str()),
        uptime_millis: restart.uptime.as_millis().try_into().unwrap_or(u64::MAX),
    }
}

fn millis(duration: Duration) -> u32 {
    duration.as_millis().try_into().unwrap_or(u32::MAX)
}

fn wire_policy(policy: Policy) -> schema::Policy {
    match policy {
        Policy::Ask => schema::Policy::Ask,
        Policy::Never => schema::Policy::Never,
    }
}

fn wire_dump(dump: Dump) -> schema::DumpPolicy {
    match dump {
        Dump::None => schema::DumpPolicy::None,
        Dump::Minidump => schema::DumpPolicy::Minidump,
        Dump::FullMemory => schema::DumpPolicy::FullMemory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Smtp;

    #[test]
    fn the_password_moves_and_is_wiped() {
        let password = String::from("correct horse");
        let place = password.as_ptr();
        let mut options = Options::new("v", "p", "1").mail(
            Mail::new("a@b.example", ["c@d.example"]).smtp(Smtp::new("h", Tls::StartTls).credentials("me", password)),
        );
        let mut configuration = configuration(&mut options);
        assert!(options.mail.is_none());
        let Some(schema::mail::Transport::Smtp(smtp)) = &configuration.mail.as_ref().unwrap().transport else {
            panic!("no server")
        };
        assert_eq!((smtp.password.as_str(), smtp.password.as_ptr()), ("correct horse", place));
        wipe(&mut configuration);
        let Some(schema::mail::Transport::Smtp(smtp)) = &configuration.mail.unwrap().transport else {
            panic!("no server")
        };
        assert_eq!(smtp.password, "");
    }
}
