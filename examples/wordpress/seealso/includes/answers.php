<?php
/**
 * The block of a post, as the service answers it, kept in a transient. A page waits for it no longer than 800 ms, shows
 * an older one while the service fails, and nothing where there is none.
 */

defined('ABSPATH') || exit;

define('SEEALSO_SECONDS_MAX', 0.8);
// What the service knows and WordPress is not told of (a takedown, a rule) shows after so long at the latest.
define('SEEALSO_FRESH_SECONDS', 300);
// A post that the service does not know yet is asked for again after so long.
define('SEEALSO_NOTHING_SECONDS', 60);
define('SEEALSO_STALE_SECONDS', DAY_IN_SECONDS);
// While it fails, one page in so long waits for it, not each; so does one post that it is told of.
define('SEEALSO_SILENT_SECONDS', 15);
// Where an older block can be shown, one page waits for a new one, not each that comes meanwhile.
define('SEEALSO_ASKING_SECONDS', 2);
define('SEEALSO_BYTES_MAX', 262144);

/** Returns the block of a post; '' where nothing is to be shown. */
function seealso_block_of($post_id, $look)
{
    if ('' === seealso_setting('url')) {
        return '';
    }
    ksort($look);
    $path = '/v1/articles/' . rawurlencode((string) $post_id) . '/related.html';
    $url = seealso_setting('url') . ($look ? $path . '?' . http_build_query($look, '', '&', PHP_QUERY_RFC3986) : $path);
    $name = 'seealso_' . md5(get_option('seealso_withdrawn', '') . ' ' . $url);
    $kept = get_transient($name);
    $kept = is_array($kept) ? $kept : array('html' => '', 'made' => 0.0, 'until' => 0);
    if (time() < $kept['until'] && $kept['made'] > (float) get_option('seealso_published', 0)) {
        return $kept['html'];
    }
    if (get_transient('seealso_silent') || ('' !== $kept['html'] && get_transient('seealso_asking'))) {
        return $kept['html'];
    }
    set_transient('seealso_asking', '1', SEEALSO_ASKING_SECONDS);
    $made = microtime(true);
    $answer = seealso_ask($url);
    $status = is_wp_error($answer) ? 0 : (int) wp_remote_retrieve_response_code($answer);
    if (200 === $status && strlen(wp_remote_retrieve_body($answer)) >= SEEALSO_BYTES_MAX) {
        $status = 0;  // it was cut off there
    }
    if (200 === $status) {
        $html = seealso_clean(wp_remote_retrieve_body($answer));
        return seealso_keep($name, $html, $made, SEEALSO_FRESH_SECONDS);
    }
    if ($status >= 400 && $status < 500 && 429 !== $status) {
        return seealso_keep($name, '', $made, SEEALSO_NOTHING_SECONDS);
    }
    set_transient('seealso_silent', '1', SEEALSO_SILENT_SECONDS);
    return $kept['html'];
}

/** Returns the service's answer to a GET, or a WP_Error. */
function seealso_ask($url)
{
    $headers = array('Accept' => 'text/html');
    if ('' !== seealso_setting('key')) {
        $headers['Authorization'] = 'Bearer ' . seealso_setting('key');
    }
    return wp_remote_get($url, array(
        'timeout' => SEEALSO_SECONDS_MAX,
        'redirection' => 0,
        'limit_response_size' => SEEALSO_BYTES_MAX,
        'headers' => $headers,
        'seealso' => true,
    ));
}

function seealso_keep($name, $html, $made, $seconds)
{
    delete_transient('seealso_asking');
    set_transient($name, array('html' => $html, 'made' => $made, 'until' => time() + $seconds), SEEALSO_STALE_SECONDS);
    return $html;
}

/** Has each block be asked for anew; those that are kept are shown while the service fails. */
function seealso_forget_age()
{
    update_option('seealso_published', (string) microtime(true));
}

/** Has no block be shown that is kept: one may have in it what was withdrawn. */
function seealso_forget_all()
{
    update_option('seealso_withdrawn', (string) microtime(true));
}

// WordPress gives curl a second at least, as its resolver may set an alarm in seconds; without signals it sets none.
add_action('http_api_curl', function ($handle, $arguments) {
    if (!empty($arguments['seealso'])) {
        $milliseconds = (int) (1000 * SEEALSO_SECONDS_MAX);
        curl_setopt($handle, CURLOPT_NOSIGNAL, true);
        curl_setopt($handle, CURLOPT_TIMEOUT_MS, $milliseconds);
        curl_setopt($handle, CURLOPT_CONNECTTIMEOUT_MS, $milliseconds);
    }
}, 10, 2);
