//! What can go wrong with a call of a primitive, whatever it does.

use serde::Serialize;

use crate::{Effect, Explain, Report, Touch};

#[derive(Debug, Serialize)]
pub(crate) enum PrimitiveError {
    WrongArgument { primitive: String, position: usize, param: String, mismatch: String },
    TooManyArguments { primitive: String, allowed: usize, given: usize },
    UndeclaredTouch { primitive: String, touch: Touch },
    NoService { primitive: String, service: String },
    Result { primitive: String, mismatch: String },
    Panicked { primitive: String, effect: Effect },
}

impl Explain for PrimitiveError {
    fn explain(&self) -> Report {
        use PrimitiveError::*;
        let bug = |code, primitive: &str, what: &str| {
            Report::refused(code, format!("{primitive} {what}: this is a bug of ceralacca"))
                .state("the call was stopped")
                .next("report it with the journal: ceralacca journal export")
        };
        match self {
            WrongArgument { primitive, position, param, mismatch } => Report::usage(
                "primitive.wrong_argument",
                format!("argument {position} (`{param}`) of {primitive} does not fit"),
            )
            .found(mismatch)
            .state("the call was not made")
            .next("correct the workflow; `ceralacca api` lists every primitive"),
            TooManyArguments { primitive, allowed, given } => Report::usage(
                "primitive.too_many_arguments",
                format!("{primitive} was called with too many arguments"),
            )
            .expected(format!("at most {allowed}"))
            .found(given.to_string())
            .state("the call was not made")
            .next("correct the workflow; `ceralacca api` lists every primitive"),
            UndeclaredTouch { primitive, touch } => bug(
                "primitive.undeclared_touch",
                primitive,
                &format!("touches something it did not declare ({touch:?})"),
            ),
            NoService { primitive, service } => bug(
                "primitive.no_service",
                primitive,
                &format!("needs {service}, which this program does not offer"),
            ),
            Result { primitive, mismatch } => {
                bug("primitive.result", primitive, "gave a result that scripts cannot hold")
                    .found(mismatch)
            }
            Panicked { primitive, effect: Effect::Once } => {
                let report = bug("primitive.panicked", primitive, "stopped in the middle");
                Report { exit: crate::Exit::Unknown, ..report }
                    .state("whether it took effect outside is not known; resume asks first")
            }
            Panicked { primitive, .. } => {
                bug("primitive.panicked", primitive, "stopped in the middle")
            }
        }
    }
}
