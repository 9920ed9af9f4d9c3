//! Every function of `reporter.h`, called with everything that is no good, by a program in C that is made from the header: a status comes of it, never a crash.
// Not on Windows: a compiler that runs here makes the program.
#![cfg(target_os = "linux")]

mod support;

use std::{fmt::Write as _, fs, process::Command};

use support::{Link, compile_by, file, no_handler, package, run};

/// A function as the header declares it.
#[derive(Debug)]
struct Function {
    returns: String,
    name: String,
    parameters: Vec<Parameter>,
}

#[derive(Debug)]
struct Parameter {
    kind: String,
    name: String,
}

/// The declarations for this system.
fn functions() -> Vec<Function> {
    let header = fs::read_to_string(package().join("include/reporter.h")).expect("the header");
    let mut text = String::new();
    for part in header.split("/*") {
        text.push_str(part.split_once("*/").map_or(part, |(_, code)| code));
    }
    let mut code = String::new();
    let mut is_windows = false;
    for line in text.lines() {
        match line {
            "#if defined(_WIN32)" => is_windows = true,
            "#endif" => is_windows = false,
            _ if line.starts_with('#') || is_windows => {}
            _ => _ = writeln!(code, "{line}"),
        }
    }
    let statements = code.split(';').map(str::trim).filter(|text| !text.starts_with("typedef"));
    let declarations = statements.filter_map(|text| text.strip_suffix(')')?.split_once('('));
    declarations.map(|(head, parameters)| Function::of(head, parameters)).collect()
}

impl Function {
    fn of(head: &str, parameters: &str) -> Self {
        let head = head.rsplit(['\n', '{']).next().unwrap_or_default();
        let Parameter { kind: returns, name } = Parameter::of(head);
        let parameters = parameters.split(',').filter(|text| text.trim() != "void").map(Parameter::of).collect();
        Self { returns, name, parameters }
    }

    /// Calls with each value for one parameter while the others are as they should be, and one with the first value of all.
    fn calls(&self) -> Vec<Vec<&'static str>> {
        let values: Vec<_> = self.parameters.iter().map(Parameter::values).collect();
        let good: Vec<_> = values.iter().map(|values| *values.last().expect("some")).collect();
        let mut calls = vec![values.iter().map(|values| values[0]).collect::<Vec<_>>(), good.clone()];
        for (at, values) in values.iter().enumerate() {
            for value in *values {
                let mut call = good.clone();
                call[at] = value;
                calls.push(call);
            }
        }
        calls
    }
}

impl Parameter {
    /// `const char *name`.
    fn of(text: &str) -> Self {
        let text = text.trim();
        let at = text.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_').expect("a type and a name");
        let words = text[..=at].split_whitespace().collect::<Vec<_>>().join(" ");
        Self { kind: words, name: text[at + 1..].to_owned() }
    }

    /// What is no good, and at the end what is. `S`, `N` and the like are in the program's head.
    fn values(&self) -> &'static [&'static str] {
        match &*self.kind {
            "const char *" if self.name == "path" || self.name == "directory" || self.name == "program" => {
                &["NULL", "\"\"", "bad_utf8", "huge", "\"relative\"", "\"/no/such/place\""]
            }
            "const char *" => &["NULL", "\"\"", "bad_utf8", "huge", "\"text that is long enough\""],
            // Of a text: more than there can be, and as much as each of the texts above has.
            "size_t" if ["index", "offer"].contains(&&*self.name) => &["SIZE_MAX", "0"],
            "size_t" => &["SIZE_MAX", "(size_t)1 << 63", "0", "1"],
            "const uint8_t *" | "const uint64_t *" | "const void *" | "const uint8_t **" | "size_t *"
            | "reporter_offer_t *" | "reporter_part_t *" => &["NULL", "(void *)bytes"],
            "uint16_t" => &["0", "UINT16_MAX", "25"],
            "uint32_t" => &["0", "UINT32_MAX", "1000"],
            "uint64_t" => &["0", "UINT64_MAX", "1000"],
            "int64_t" => &["INT64_MIN", "INT64_MAX", "5"],
            "bool" => &["false", "true"],
            "reporter_task_t" => &["0", "UINT64_MAX", "77"],
            "reporter_options_t *" => &["NULL", "reporter_options_new(\"Vendor\", \"Name\", \"1\")"],
            // Read once, from a standard input that is empty here; what a real one answers: own_dialog.rs.
            "reporter_consent_request_t *" => &["NULL", "reporter_consent_request_read()"],
            "void *" => &["NULL", "bytes"],
            "reporter_before_send_t" => &["NULL", "drop_all", "keep_all"],
            "reporter_error_t *" => &["NULL", "reporter_error_new(\"Type\", \"message\")"],
            "reporter_notice_t"
            | "reporter_tls_t"
            | "reporter_category_t"
            | "reporter_policy_t"
            | "reporter_kind_t"
            | "reporter_dump_t"
            | "reporter_children_t"
            | "reporter_question_t"
            | "reporter_contact_t"
            | "reporter_answer_t"
            | "reporter_surface_t" => &["0", "-1", "INT32_MAX", "INT32_MIN", "2"],
            other => panic!("say which values of {other} are no good"),
        }
    }
}

/// A function in C that makes all calls of one of the header's.
fn body(function: &Function) -> String {
    // Whether it takes what it is given, or the caller has to free it.
    let takes = ["reporter_start", "reporter_consent_request_answer"].contains(&&*function.name)
        || function.name.starts_with("reporter_capture_")
        || function.name.ends_with("_free");
    let mut body = format!("static void call_{}(void) {{\n", function.name);
    for call in function.calls() {
        body.push_str("    {\n");
        let mut frees = String::new();
        let mut arguments = Vec::new();
        for (value, parameter) in call.iter().zip(&function.parameters) {
            let name = format!("a_{}", parameter.name);
            let _ = writeln!(body, "        {} {name} = {value};", parameter.kind);
            let kind = parameter.kind.trim_end_matches("_t *");
            if !takes
                && kind.starts_with("reporter_")
                && parameter.kind.ends_with("_t *")
                && !["reporter_offer", "reporter_part"].contains(&kind)
            {
                let _ = writeln!(frees, "        {kind}_free({name});");
            }
            arguments.push(name);
        }
        let call = format!("{}({})", function.name, arguments.join(", "));
        let use_it = match &*function.returns {
            "void" => format!("{call};"),
            "reporter_status_t" => format!("check({call});"),
            "reporter_options_t *" => format!("reporter_options_free({call});"),
            "reporter_error_t *" => format!("reporter_error_free({call});"),
            "reporter_consent_request_t *" => format!("reporter_consent_request_free({call});"),
            "const char *" => format!("{{ const char *text = {call}; used += text != NULL && text[0] != 0; }}"),
            "bool" | "uint32_t" | "int32_t" | "size_t" | "reporter_task_t" => format!("used += {call} != 0;"),
            other => panic!("say what to do with a {other}"),
        };
        let _ = writeln!(body, "        {use_it}\n{frees}    }}");
    }
    body.push_str("}\n\n");
    body
}

const HEAD: &str = r#"#include <pthread.h>
#include <reporter.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *bad_utf8 = "\xff\xfe is none";
static char *huge;
static uint64_t bytes[64];
static _Atomic unsigned used;

static bool drop_all(reporter_error_t *error, const void *hint, void *data) {
    (void)error, (void)hint, (void)data;
    return false;
}

/* Looks at whatever comes of the calls. */
static bool keep_all(reporter_error_t *error, const void *hint, void *data) {
    (void)hint, (void)data;
    for (size_t n = 0; n < reporter_error_count(error); n++)
        used += reporter_error_type(error, n) != NULL && reporter_error_message(error, n) != NULL;
    return true;
}

static void check(reporter_status_t status) {
    if (status > 0 || status < REPORTER_ERROR_SECOND_COPY || status == REPORTER_ERROR_PANIC) {
        fprintf(stderr, "status %d: %s\n", (int)status, reporter_last_error());
        abort();
    }
    used += status == REPORTER_OK;
}

"#;

fn program(functions: &[Function]) -> String {
    let mut program = HEAD.to_owned();
    for function in functions {
        program.push_str(&body(function));
    }
    program.push_str("static void *call_all(void *unused) {\n    (void)unused;\n");
    for function in functions {
        let _ = writeln!(program, "    call_{}();", function.name);
    }
    program.push_str("    return NULL;\n}\n\n");
    program.push_str(
        r#"int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    huge = malloc((4 << 20) + 1);
    memset(huge, 'x', 4 << 20);
    huge[4 << 20] = 0;
    /* Where reporting is off, then where it is on, by many at once. */
    call_all(NULL);
    reporter_options_t *options = reporter_options_new("Vendor", "Name", "1");
    reporter_options_set_handler(options, argv[1]);
    reporter_options_set_spool(options, argv[2]);
    reporter_options_set_eml_directory(options, argv[2]);
    reporter_options_set_mail_from(options, "errors@product.example");
    reporter_options_add_mail_to(options, "support@product.example");
    reporter_options_set_before_send(options, keep_all, NULL);
    check(reporter_start(options));
    pthread_t threads[8];
    for (int n = 0; n < 8; n++)
        pthread_create(&threads[n], NULL, call_all, NULL);
    for (int n = 0; n < 8; n++)
        pthread_join(threads[n], NULL);
    reporter_shutdown(1000);
    free(huge);
    printf("%u\n", used > 0);
    return 0;
}
"#,
    );
    program
}

#[test]
fn every_function_answers_whatever_it_is_given_by_one_and_by_many_at_once() {
    let functions = functions();
    let exported = fs::read_to_string(package().join("symbols.txt")).expect("the list of symbols");
    let mut names: Vec<_> = functions.iter().map(|function| function.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, exported.lines().collect::<Vec<_>>(), "the header's functions are those of the library");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = file(folder.path(), "every_function.c", &program(&functions));
    let handler = no_handler(folder.path());
    let spool = folder.path().join("spool");
    // As it is, and where each access out of bounds and each leak ends the program.
    for arguments in [&[][..], &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]] {
        let binary = folder.path().join(format!("every_function{}", arguments.len()));
        compile_by("cc", &binary, &[&source], Link::Dynamic, &[&["-std=c11", "-pthread"][..], arguments].concat());
        let output = run(Command::new(&binary).arg(&handler).arg(&spool).current_dir(folder.path()));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n");
    }
}
