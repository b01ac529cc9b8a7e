//! The same rules on the embedded store.

use super::{EMBEDDED, lockout, objects, renewal, sharing, tokens, trust, users};

/// Runs tests with worlds on the embedded store.
fn on_disk(tests: &[fn()]) {
    EMBEDDED.set(true);
    tests.iter().for_each(|test| test());
    EMBEDDED.set(false);
}

#[test]
fn lockout_on_disk() {
    on_disk(&[
        lockout::the_fifth_wrong_password_locks_over_restarts,
        lockout::a_right_password_starts_the_count_anew,
        lockout::a_try_that_is_killed_stays_counted,
        lockout::a_try_that_cannot_be_counted_is_not_made,
        lockout::right_passwords_at_the_same_moment_lock_nobody,
        lockout::wrong_passwords_at_the_same_moment_get_five_tries,
        lockout::the_only_admin_waits_longer_and_longer_and_is_never_locked,
        lockout::a_clock_set_back_lets_the_admin_in_after_the_wait,
        lockout::of_several_admins_the_last_unlocked_one_stays_unlocked,
    ]);
}

#[test]
fn objects_on_disk() {
    on_disk(&[
        objects::an_object_is_made_found_opened_and_destroyed,
        objects::every_index_finds_what_it_should,
        objects::a_change_moves_its_index_entries_and_loses_no_other_change,
        objects::a_destroyed_object_is_not_brought_back,
        objects::each_sees_its_own_objects_and_the_public,
        objects::a_public_object_made_elsewhere_is_seen_by_a_login_that_knew_of_none,
        objects::ids_and_ivs_are_given_once_over_starts_and_threads,
        objects::every_nonce_in_the_store_is_another,
        objects::the_store_shows_neither_labels_nor_ids_nor_keys,
        objects::what_a_commit_that_failed_should_have_made_is_not_there,
        objects::changes_are_told_in_the_domains_words,
        objects::settings_that_changed_are_followed_and_old_ones_refused,
        objects::numbers_end_before_they_come_again,
    ]);
}

#[test]
fn tokens_on_disk() {
    on_disk(&[
        tokens::a_store_starts_with_one_uninitialized_slot_that_stays,
        tokens::clusters_take_slots_and_the_uninitialized_one_is_last,
        tokens::what_a_cluster_is_made_with_is_checked,
        tokens::clusters_made_at_the_same_moment_get_slots_of_their_own,
        tokens::init_token_consumes_the_slot_and_reserves_another,
        tokens::what_a_token_is_made_with_is_checked,
        tokens::a_wipe_takes_everything_at_once_and_needs_the_so_pin,
        tokens::a_wipe_that_is_cut_off_did_not_happen,
        tokens::a_deleted_cluster_is_gone_at_once_and_swept_later,
        tokens::no_batch_is_over_the_limits,
        tokens::a_store_of_a_newer_version_or_without_its_head_is_refused,
    ]);
}

#[test]
fn users_on_disk() {
    on_disk(&[
        users::users_are_listed_as_they_were_made,
        users::a_pin_names_a_user_only_if_it_exists,
        users::a_login_by_name_keeps_to_its_role,
        users::only_admins_administer,
        users::names_and_passwords_of_new_users_are_checked,
        users::the_last_admin_stays_and_numbers_are_never_given_again,
        users::two_admins_that_delete_themselves_at_once_do_not_leave_none,
        users::a_user_with_objects_goes_only_by_force_and_they_with_it,
        users::a_password_is_changed_by_its_user_or_by_an_admin_while_it_is_not_logged_in,
        users::set_pin_asks_for_the_old_one_and_counts_it,
        users::an_admin_with_another_name_logs_in_bare_when_it_is_the_only_one,
    ]);
}

#[test]
fn shares_on_disk() {
    on_disk(&[
        sharing::a_shared_key_is_found_and_opened_by_those_it_is_shared_with_alone,
        sharing::the_other_user_sees_a_key_that_it_cannot_reveal_change_copy_or_destroy,
        sharing::an_unshared_key_has_a_new_object_key_and_the_old_one_opens_nothing,
        sharing::what_its_owner_changes_is_seen_and_found_by_the_others,
        sharing::a_destroyed_key_is_gone_for_all_and_leaves_nothing,
        sharing::only_private_keys_of_ones_own_are_shared_with_other_crypto_users,
        sharing::a_deleted_user_takes_nothing_along_and_leaves_nothing,
        sharing::with_its_owner_a_key_goes_from_all_at_once,
        sharing::what_is_shared_with_a_user_is_not_its_own,
        trust::an_admin_says_that_a_key_is_trusted,
        renewal::a_former_admin_opens_nothing_that_is_sealed_later,
    ]);
}
