//! How the process ends, and what it says if it does not end well.

use std::process::ExitCode;

/// How the process ends; the numbers are part of the interface and stand in `weft --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Ok,
    /// Failed.
    Failed,
    /// `weft plan`: there is something to do.
    Changes,
    /// The command line is wrong (`EX_USAGE` of `sysexits.h`).
    Usage,
    /// A configuration or input file is wrong (`EX_CONFIG` of `sysexits.h`).
    Config,
    /// A signal ended it, as the shell would say.
    Signal(u8),
}

/// A failure that is told to a person.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// What, where, why.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
    /// How the process ends.
    pub(crate) exit: Exit,
    /// What was asked for is not there.
    pub(crate) is_absent: bool,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Usage => 64,
            Self::Config => 78,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl Failure {
    /// Something failed.
    pub(crate) fn new(message: impl ToString) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            exit: Exit::Failed,
            is_absent: false,
        }
    }

    /// A file is wrong.
    pub(crate) fn config(message: impl ToString) -> Self {
        Self {
            exit: Exit::Config,
            ..Self::new(message)
        }
    }

    /// What to do about it.
    pub(crate) fn hint(self, hint: impl ToString) -> Self {
        Self {
            hint: Some(hint.to_string()),
            ..self
        }
    }
}

/// The text for an error: it, what caused it, and what to do.
pub(crate) fn report(error: &anyhow::Error, paint: crate::output::Paint) -> String {
    let mut text = format!("{} {}", paint.red("error:"), in_words(error));
    if let Some(hint) = error
        .downcast_ref::<Failure>()
        .and_then(|failure| failure.hint.as_ref())
    {
        text.push('\n');
        text.push_str(&paint.cyan("hint:"));
        text.push(' ');
        text.push_str(hint);
    }
    text
}

/// An error and what caused it. Many errors say their cause themselves; it is not said twice.
pub(crate) fn in_words(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str("\n  because: ");
            text.push_str(&cause);
        }
    }
    text
}

/// How the process ends after an error.
pub(crate) fn of_error(error: &anyhow::Error) -> Exit {
    if is_broken_pipe(error) {
        // Whoever read our output has seen enough.
        return Exit::Ok;
    }
    error
        .downcast_ref::<Failure>()
        .map_or(Exit::Failed, |failure| failure.exit)
}

/// Whether it is that nobody reads what we print.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;
    use crate::output::Paint;

    #[test]
    fn codes_are_as_documented() {
        let all = [
            Exit::Ok,
            Exit::Failed,
            Exit::Changes,
            Exit::Usage,
            Exit::Config,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 64, 78]);
        assert_eq!(Exit::Signal(2).code(), 130);
        assert_eq!(Exit::Signal(15).code(), 143);
    }

    #[test]
    fn an_error_says_what_why_and_what_to_do() {
        let error = anyhow::Error::from(Failure::config("it is wrong").hint("mend it"));
        assert_eq!(
            report(&error, Paint::OFF),
            "error: it is wrong\nhint: mend it"
        );
        assert_eq!(of_error(&error), Exit::Config);
        let refused = std::io::Error::new(std::io::ErrorKind::NotFound, "no file");
        let error = Err::<(), _>(refused)
            .context("cannot read a.yaml")
            .unwrap_err();
        assert_eq!(
            report(&error, Paint::OFF),
            "error: cannot read a.yaml\n  because: no file"
        );
        assert_eq!(of_error(&error), Exit::Failed);
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        let gone = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let error = Err::<(), _>(gone).context("cannot print").unwrap_err();
        assert_eq!(of_error(&error), Exit::Ok);
    }
}
