//! The command line as it is typed.

use clap::{CommandFactory, Parser};

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_line_of_the_help_is_one_that_can_be_typed() {
    fn examples(command: &clap::Command, lines: &mut Vec<String>) {
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let typed = help.lines().map(str::trim).filter_map(|line| {
            let from = line.find("weft ")?;
            let line = line.get(from..)?.split(" #").next()?.split(" >").next()?;
            (from == 0 || help.contains("| weft")).then(|| line.trim().to_owned())
        });
        lines.extend(typed);
        for sub in command.get_subcommands() {
            examples(sub, lines);
        }
    }
    let mut lines = Vec::new();
    examples(&Cli::command(), &mut lines);
    assert!(lines.len() > 30, "{lines:?}");
    for line in lines {
        assert!(
            parse(&line).is_ok(),
            "`{line}`: {}",
            parse(&line).unwrap_err()
        );
    }
}

#[test]
fn every_command_has_examples() {
    for command in Cli::command().get_subcommands() {
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(help.contains("Examples:"), "{}", command.get_name());
    }
}

#[test]
fn global_options_stand_anywhere() {
    let cli = parse("weft get ports -o json --server http://h:1 -vv").unwrap();
    assert_eq!(cli.global.output, Format::Json);
    assert_eq!(
        (cli.global.server.as_str(), cli.global.verbose),
        ("http://h:1", 2)
    );
    assert_eq!(
        parse("weft -o yaml get ports").unwrap().global.output,
        Format::Yaml
    );
}

#[test]
fn the_words_of_show_are_free() {
    let cli = parse("weft switch show bridge-domain 1 detail --socket /s").unwrap();
    let Command::Switch(SwitchArgs {
        ask: Some(SwitchAsk::Show(ask)),
        ..
    }) = cli.command
    else {
        panic!("{:?}", cli.command);
    };
    assert_eq!(ask.words, ["bridge-domain", "1", "detail"]);
    assert_eq!(ask.socket, Some(PathBuf::from("/s")));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "weft",
        "weft get",
        "weft agent",
        "weft apply",
        "weft apply -f a --wait soon",
        "weft apply -f a --wait 1s --dry-run",
        "weft delete",
        "weft delete port",
        "weft delete port web-1 -f a",
        "weft describe port no/port",
        "weft server --print-openapi --config a",
        "weft switch show",
        "weft switch show a --socket b --config c",
        "weft watch objects",
        "weft completions cobol",
    ] {
        assert!(parse(line).is_err(), "`{line}`");
    }
}
