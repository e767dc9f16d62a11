<?php
/**
 * Plugin Name: Seealso
 * Description: Tells Seealso what is published, changed and withdrawn, so that related articles are right at once.
 *
 * Put this file into wp-content/mu-plugins/ (WordPress 5.6 or later), and into wp-config.php:
 *
 *     define('SEEALSO_URL', 'https://related.example');
 *     define('SEEALSO_WORDPRESS_SECRET', 'the same as the service has');
 */

defined('ABSPATH') || exit;

/** Tells of a post that is published, or no more. */
function seealso_tell($event, $post)
{
    $body = wp_json_encode(array('event' => $event, 'time' => time(), 'post' => $post));
    $signature = hash_hmac('sha256', $body, SEEALSO_WORDPRESS_SECRET);
    $answer = wp_remote_post(SEEALSO_URL . '/v1/webhooks/wordpress', array(
        'timeout' => 10,
        'headers' => array(
            'Content-Type' => 'application/json',
            'X-Hub-Signature-256' => 'sha256=' . $signature,
        ),
        'body' => $body,
    ));
    $status = is_wp_error($answer) ? $answer->get_error_message() : wp_remote_retrieve_response_code($answer);
    if ($status !== 200 && $status !== 202) {
        // The next night reads the post in any case.
        error_log("Seealso was not told of post {$post['id']} ($event): $status");
    }
}

/** Returns a post as the REST interface has it, with what the night reads of it. */
function seealso_post($id)
{
    $request = new WP_REST_Request('GET', '/wp/v2/posts/' . $id);
    $response = rest_do_request($request);
    if ($response->is_error()) {
        return null;
    }
    return rest_get_server()->response_to_data($response, array('author', 'wp:term', 'wp:featuredmedia'));
}

// After the post, its terms and its picture are saved.
add_action('wp_after_insert_post', function ($id, $post, $update, $before) {
    if ($post->post_type !== 'post' || wp_is_post_revision($id) || wp_is_post_autosave($id)) {
        return;
    }
    if ($post->post_status === 'publish' && ($data = seealso_post($id))) {
        seealso_tell('published', $data);
    } elseif ($before && $before->post_status === 'publish') {
        seealso_tell('removed', array('id' => $id));
    }
}, 10, 4);

add_action('deleted_post', function ($id, $post) {
    if ($post->post_type === 'post') {
        seealso_tell('removed', array('id' => $id));
    }
}, 10, 2);
