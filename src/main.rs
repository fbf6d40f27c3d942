//! The `function-modelplane` binary.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use function_modelplane::cli::explain::{Explain, explain};
use function_modelplane::cli::lint::{Lint, lint};
use function_modelplane::cli::preview::{Preview, Verdict, preview};
use function_modelplane::server;

/// Crossplane composition function that serves large language models with prefill and decode disaggregated.
///
/// Without a command it serves Crossplane.
#[derive(Debug, clap::Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: server::Options,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Shows where manifests would be placed, and what would be composed.
    ///
    /// Exits with 0 when every deployment is placed, 1 when one is not, 2 when the manifests are wrong.
    Preview(Preview),
    /// Says why each deployment is placed where it is.
    ///
    /// Prints every environment with the checks it passed and failed, and who holds the GPUs of its pools. Exits as preview does.
    Explain(Explain),
    /// Finds what is wrong with models, environments and deployments, also what only shows at run time.
    ///
    /// Reads engine arguments as vLLM does. Exits with 0 when there is no error, 1 when there is one, 2 when the files cannot be read.
    Lint(Lint),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        None => match server::serve(&arguments.serve) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, error.exit_code()),
        },
        Some(Command::Preview(command)) => {
            conclude(preview(&command, &mut io::stdin(), &mut io::stdout().lock(), &mut io::stderr().lock()))
        }
        Some(Command::Lint(command)) => match lint(&command, &mut io::stdin(), &mut io::stdout().lock(), &mut io::stderr().lock()) {
            Ok(found) => ExitCode::from(found.exit_code()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => fail(&error, 2),
        },
        Some(Command::Explain(command)) => {
            conclude(explain(&command, &mut io::stdin(), &mut io::stdout().lock(), &mut io::stderr().lock()))
        }
    }
}

fn conclude(verdict: io::Result<Verdict>) -> ExitCode {
    match verdict {
        Ok(verdict) => ExitCode::from(verdict.exit_code()),
        // Whoever reads the output may have seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&error, 2),
    }
}

fn fail(error: &dyn std::error::Error, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "function-modelplane: {error}");
    ExitCode::from(code)
}
