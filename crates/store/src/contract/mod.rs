//! What the engine relies on, as tests that run on any [`Store`]: one list, for every database.

use async_trait::async_trait;
use engine::ports::Store;
use std::sync::Arc;

pub(crate) mod accounts;
pub(crate) mod audit_trail;
pub(crate) mod certificates;
pub(crate) mod fixtures;
pub(crate) mod publications;
pub(crate) mod purging;
pub(crate) mod registrations;
pub(crate) mod sessions;
pub(crate) mod side_tables;
pub(crate) mod transactions;
pub(crate) mod units_of_work;

/// A database of its own for each test, migrated and empty.
#[async_trait]
pub(crate) trait Database: Send + Sync {
    /// Opens a store on it, like a process that starts.
    async fn open(&self) -> Arc<dyn Store>;
}

/// Declares every test of the contract for databases that `$fresh` makes.
macro_rules! contract {
    ($fresh:path) => {
        $crate::contract::behaviours! { $fresh;
            accounts: [
                an_account_comes_back_as_it_was_in_every_state,
                an_account_is_found_by_device_document_and_person,
                closed_accounts_are_found_but_not_active,
                a_device_a_document_number_and_a_key_belong_to_one_account,
                the_second_of_two_changes_conflicts,
                accounts_are_overdue_from_their_end_on,
                an_account_is_closed_without_being_read,
                an_account_that_is_not_there_is_not_found,
            ],
            audit_trail: [
                an_empty_trail_has_a_head,
                records_are_chained_in_the_order_of_their_commits,
                concurrent_units_of_work_make_one_chain,
                the_entries_of_a_session_are_found,
                checkpoints_are_listed_in_their_order,
                evidence_comes_back_as_it_was,
                a_published_certificate_is_remembered_once,
            ],
            certificates: [
                a_record_comes_back_as_it_was_in_every_state,
                a_serial_number_is_recorded_once_below_its_issuer,
                a_certificate_is_given_out_once,
                what_was_revoked_is_not_given_out_any_more,
                the_first_revocation_stands,
                what_has_expired_is_not_revoked_unless_nobody_has_it,
                an_account_s_certificates_are_revoked_by_their_records,
                a_summary_says_what_the_record_says,
                accounts_whose_records_say_less_than_their_keys_are_found,
                what_was_never_given_out_has_no_standing,
                revoked_certificates_are_listed_by_serial_number_below_their_issuer,
                pages_of_records_add_up_to_the_whole,
                abandoned_records_are_those_that_nobody_got,
                responders_are_those_given_out_and_valid_the_newest_first,
                of_a_revocation_and_a_giving_out_at_once_one_conflicts,
            ],
            publications: [
                the_newest_revocation_list_takes_the_place_of_the_one_before,
                the_number_of_a_revocation_list_only_rises,
                decisions_are_listed_in_their_order,
                the_newest_trusted_list_is_found,
                the_number_of_a_trusted_list_only_rises,
            ],
            sessions: [
                a_session_comes_back_as_it_was_in_every_state,
                a_session_is_inserted_in_any_state,
                open_sessions_are_those_to_answer_and_those_claimed,
                the_newest_unfinished_session_with_the_fingerprint_is_found,
                sessions_are_counted_for_every_candidate,
                sessions_are_overdue_from_their_deadline_until_they_finish,
                a_claim_that_comes_second_conflicts,
                a_session_is_found_by_the_token_of_its_link,
            ],
            transactions: [
                a_transaction_comes_back_as_it_was_in_every_state,
                awaiting_transactions_are_those_without_submission,
                only_signing_counts,
                processing_transactions_are_stuck_from_their_charge_on,
                a_submission_that_comes_second_conflicts,
            ],
            registrations: [
                a_registration_comes_back_as_it_was_in_every_state,
                a_code_finds_the_unfinished_registration_only,
                a_code_is_free_again_when_its_registration_is_over,
                a_device_has_one_unfinished_registration,
                the_newest_registration_of_a_device_is_found,
                registrations_are_overdue_from_their_end_until_they_are_over,
                the_second_of_two_changes_conflicts,
            ],
            side_tables: [
                a_relying_party_comes_back_as_it_was,
                relying_parties_are_listed_by_name,
                a_relying_party_is_added_once,
                halves_leave_the_pool_in_the_order_they_came,
                a_half_is_pooled_once,
                a_half_that_was_taken_and_not_committed_stays,
                two_takers_get_two_halves,
                every_audit_event_comes_back,
                audit_records_are_listed_from_inclusive_until_exclusive_in_order,
                audit_pages_add_up_to_the_whole,
                moduli_of_every_key_are_listed_once,
            ],
            units_of_work: [
                a_unit_of_work_reads_its_own_writes,
                nothing_is_visible_before_the_commit,
                dropping_rolls_back,
                a_reader_keeps_its_snapshot,
                what_was_committed_survives_a_crash_and_nothing_else,
                after_a_failed_statement_nothing_is_committed,
                of_concurrent_changes_none_is_lost,
                a_commit_wakes_whoever_waits_for_the_session,
                a_rollback_wakes_nobody,
                a_change_between_asking_and_reading_is_not_missed,
                a_commit_goes_through_when_its_caller_goes_away,
                the_store_is_ready,
            ],
            purging: [
                finished_things_go_at_their_horizon,
                unfinished_things_stay_however_old,
                candidates_go_with_their_session,
            ],
        }
    };
}
pub(crate) use contract;

macro_rules! behaviours {
    ($fresh:path; $($module:ident: [$($name:ident),* $(,)?]),* $(,)?) => {
        $(mod $module {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                $crate::contract::$module::$name(&$fresh().await).await;
            })*
        })*
    };
}
pub(crate) use behaviours;
