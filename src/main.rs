//! The `function-modelplane` binary.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use function_modelplane::cli::explain::{Explain, explain};
use function_modelplane::cli::lint::{Lint, lint};
use function_modelplane::cli::preview::{Preview, Verdict, preview};
use function_modelplane::server;

/// Crossplane composition function that serves large language models with prefill and decode disaggregated.
///
/// Without a command it serves Crossplane.
#[derive(Debug, clap::Parser)]
#[command(version = env!("FUNCTION_MODELPLANE_VERSION"), args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: server::Options,
}

const EXAMPLES: &str = "\
Examples:
  Where would these be placed, and why?
    function-modelplane preview examples/llama-70b
    function-modelplane explain examples/llama-70b --deployment ml-team-a/llama-70b
  What is wrong with them, also at run time?
    function-modelplane lint examples/llama-405b
  What does an edit do to what runs?
    function-modelplane preview --live examples/fleet/live --change examples/fleet/change
  Who holds which GPU?
    function-modelplane preview examples/contention --html fleet.html
  Serve Crossplane, or `crossplane composition render`:
    function-modelplane --tls-certs-dir /tls/server
    function-modelplane --insecure --address 127.0.0.1:9443";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Shows where manifests would be placed, and what would be composed.
    ///
    /// Exits with 0 when every deployment is placed, 1 when one is not, 2 when the manifests are wrong.
    ///
    /// With --live, --change and --delete it says what becomes of every deployment of a fleet when the change is made and everything
    /// new is ready, and exits with 2 when the manifests are wrong, else with 1 when something is refused or not placed, else with 3
    /// when something that serves is deleted or restarted, else with 0. What happens without the change as well does not count.
    Preview(Preview),
    /// Says why each deployment is placed where it is.
    ///
    /// Prints every environment with the checks it passed and failed, and who holds the GPUs of its pools. Exits as preview does.
    Explain(Explain),
    /// Finds what is wrong with models, environments and deployments, also what only shows at run time.
    ///
    /// Reads engine arguments as vLLM does. Exits with 0 when there is no error, 1 when there is one, 2 when the files cannot be read.
    Lint(Lint),
    /// Prints the script by which a shell completes this command.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Prints the manual page.
    Man,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        None => match server::serve(&arguments.serve) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, error.exit_code()),
        },
        Some(Command::Preview(command)) => {
            conclude(preview(&command, &mut io::stdin(), &mut anstream::stdout().lock(), &mut io::stderr().lock()))
        }
        Some(Command::Lint(command)) => match lint(&command, &mut io::stdin(), &mut io::stdout().lock(), &mut io::stderr().lock()) {
            Ok(found) => ExitCode::from(found.exit_code()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => fail(&error, 2),
        },
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Arguments::command(), env!("CARGO_PKG_NAME"), &mut io::stdout().lock());
            ExitCode::SUCCESS
        }
        Some(Command::Man) => match clap_mangen::Man::new(Arguments::command()).render(&mut io::stdout().lock()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(&error, 2),
            Ok(()) | Err(_) => ExitCode::SUCCESS,
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
