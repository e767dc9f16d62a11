<?php
/**
 * What is published, changed and withdrawn is told to the service, signed, as it is at that moment. What does not
 * arrive is told again by WordPress's own schedule; the next night reads every post in any case.
 */

defined('ABSPATH') || exit;

define('SEEALSO_TELL_SECONDS_MAX', 5);
define('SEEALSO_TRIES_MAX', 5);

/** Returns whether a post is read for the service, whose own block is none of its text; `$now`: from now on. */
function seealso_reads($now = null)
{
    static $reads = false;
    $reads = null === $now ? $reads : $now;
    return $reads;
}

/** Returns whether anybody may read a post. */
function seealso_is_public($id)
{
    $post = get_post($id);
    return $post && 'publish' === $post->post_status && '' === $post->post_password;
}

/** Returns a post as the REST interface has it, with what a night reads of it; an error where it gives none. */
function seealso_post($id)
{
    seealso_reads(true);
    try {
        $response = rest_do_request(new WP_REST_Request('GET', '/wp/v2/posts/' . $id));
    } finally {
        seealso_reads(false);
    }
    if ($response->is_error()) {
        return $response->as_error();
    }
    return rest_get_server()->response_to_data($response, array('author', 'wp:term', 'wp:featuredmedia'));
}

/** Tells of a post as it is now; tries again later if the service does not take it. */
function seealso_tell($id, $try = 1)
{
    if ('' === seealso_setting('url') || '' === seealso_setting('secret')) {
        return;
    }
    if (get_transient('seealso_untold')) {
        // It failed a moment ago. Who changes many posts at once waits for the first alone, and this was no try.
        seealso_is_public($id) ? seealso_forget_age() : seealso_forget_all();
        seealso_tell_later($id, max(1, $try - 1));
        return;
    }
    $post = seealso_is_public($id) ? seealso_post($id) : null;
    if (is_wp_error($post)) {
        // It is there all the same: to say that it was removed would take it from every page.
        error_log("Seealso was not told of post $id, try $try: REST: " . $post->get_error_message());
        seealso_tell_later($id, $try);
        return;
    }
    $said = array(
        'event' => $post ? 'published' : 'removed',
        'time' => time(),
        'post' => $post ? $post : array('id' => (int) $id),
    );
    $body = wp_json_encode($said);
    $answer = wp_remote_post(seealso_setting('url') . '/v1/webhooks/wordpress', array(
        'timeout' => SEEALSO_TELL_SECONDS_MAX,
        'redirection' => 0,
        'headers' => array(
            'Content-Type' => 'application/json',
            'X-Hub-Signature-256' => 'sha256=' . hash_hmac('sha256', $body, seealso_setting('secret')),
        ),
        'body' => $body,
    ));
    // What is kept is asked for anew whether it was told or not: the night may have.
    $post ? seealso_forget_age() : seealso_forget_all();
    $status = is_wp_error($answer) ? $answer->get_error_message() : (int) wp_remote_retrieve_response_code($answer);
    if (in_array($status, array(200, 202), true)) {
        return;
    }
    error_log("Seealso was not told of post $id ({$said['event']}), try $try: $status");
    $later = !is_int($status) || $status >= 500 || 429 === $status;
    if ($later) {
        set_transient('seealso_untold', '1', SEEALSO_SILENT_SECONDS);
        seealso_tell_later($id, $try);
    }
}

/** Has a post told of again after a while, longer after each try, until there were enough. */
function seealso_tell_later($id, $try)
{
    if ($try < SEEALSO_TRIES_MAX) {
        wp_schedule_single_event(time() + 30 * 2 ** $try, 'seealso_tell_again', array((int) $id, $try + 1));
    }
}

add_action('seealso_tell_again', 'seealso_tell', 10, 2);

// After the post, its terms and its picture are saved: published, changed, put into the trash, brought back.
add_action('wp_after_insert_post', function ($id, $post, $update, $before) {
    if ('post' !== $post->post_type || wp_is_post_revision($id) || wp_is_post_autosave($id)) {
        return;
    }
    if ('publish' === $post->post_status || ($before && 'publish' === $before->post_status)) {
        seealso_tell($id);
    }
}, 10, 4);

// Not 'deleted_post': WordPress still remembers the post then.
add_action('after_delete_post', function ($id, $post) {
    if ('post' === $post->post_type && 'publish' === $post->post_status) {
        seealso_tell($id);
    }
}, 10, 2);
