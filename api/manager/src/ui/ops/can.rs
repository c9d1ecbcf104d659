//! What can be done to a task in its state, for the buttons that stand beside it.
use mipo_domain::ids::TaskId;
use mipo_domain::rights::Right;

use crate::lists::encode;
use crate::ui::Page;
use crate::ui::tables::RowMenu;

/// What the buttons of a task are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Can {
    /// Once more, with its kind's attempts.
    pub(crate) retry: bool,
    /// Before its time.
    pub(crate) run_now: bool,
    /// Another place in the line.
    pub(crate) reprioritise: bool,
    /// Called off.
    pub(crate) cancel: bool,
    /// Set aside.
    pub(crate) discard: bool,
    /// Brought back.
    pub(crate) undo: bool,
}

impl Can {
    /// Of a task in the shown `state`; nothing for who may only look. The task of a bulk operation is stopped with it.
    pub(crate) fn of(page: &Page, state: &str, kind: &str, cancel_requested: bool) -> Self {
        if !page.shell.may(Right::QueuesExecute) {
            return Self::default();
        }
        let later = matches!(state, "scheduled" | "retrying" | "snoozed");
        let pending = later || matches!(state, "waiting" | "ready");
        let ended = matches!(state, "dead" | "cancelled");
        let own = kind != "bulk_operation";
        Self {
            retry: ended,
            run_now: later,
            reprioritise: pending,
            cancel: own && (pending || state == "running") && !cancel_requested,
            discard: own && (pending || ended),
            undo: state == "discarded",
        }
    }

    /// The menu of the task's row; each action leads back to `back`.
    pub(crate) fn menu(self, page: &Page, id: TaskId, kind: &str, back: &str) -> RowMenu {
        let path = format!("/ops/tasks/{id}");
        let asks = |action: &str| format!("{path}/{action}?back={}", encode(back));
        let fields = [("back", back)];
        RowMenu::new(page, format!("task-{id}"), format!("{kind} {}", super::words::short_id(id)))
            .link(&path, "Open")
            .keyed("r")
            .post_with(self.retry, format!("{path}/retry"), &fields, "Retry")
            .post_with(self.run_now, format!("{path}/run-now"), &fields, "Run now")
            .post_with(self.undo, format!("{path}/undo"), &fields, "Undo discard")
            .link_if(self.reprioritise, asks("priority"), "Reprioritise…")
            .keyed("c")
            .harm_if(self.cancel, asks("cancel"), "Cancel…")
            .keyed("d")
            .harm_if(self.discard, asks("discard"), "Discard…")
    }
}
