<?php
/**
 * As much of WordPress as the plugin calls, kept in memory; requests go out for real, by curl, as WordPress makes them.
 */

define('ABSPATH', __DIR__ . '/');
define('DAY_IN_SECONDS', 86400);

/** What a test sets and looks at. */
$world = (object) array(
    'options' => array(), 'transients' => array(), 'posts' => array(), 'rest' => array(), 'here' => 0, 'asked' => array(),
    'styles' => array(), 'scheduled' => array(), 'blocks' => array(), 'shortcodes' => array(), 'hooks' => array(),
    'pages' => array(), 'registered' => array(), 'errors' => array(), 'can' => true, 'feed' => false, 'queries' => array(),
    'singular' => true, 'unscheduled' => array(), 'no_network' => false, 'patient' => false,
);

class WP_Error
{
    private $message;
    public function __construct($code, $message) { $this->message = $message; }
    public function get_error_message() { return $this->message; }
}
class WP_REST_Request
{
    public $route;
    public function __construct($method, $route) { $this->route = $route; }
}
class Rest_Response
{
    public $data;
    public function __construct($data) { $this->data = $data; }
    public function is_error() { return null === $this->data; }
    public function as_error() { return $this->is_error() ? new WP_Error('rest_no_route', 'there is no such route') : null; }
}
class Rest_Server
{
    public function response_to_data($response, $embed) { return $response->data; }
}
class Database
{
    public $options = 'wp_options';
    public function esc_like($text) { return addcslashes($text, '_%\\'); }
    public function prepare($query, ...$values) { return vsprintf(str_replace('%s', "'%s'", $query), $values); }
    public function query($query) { global $world; $world->queries[] = $query; }
}
$wpdb = new Database();

function add_filter($hook, $callback, $priority = 10, $arguments = 1)
{
    global $world;
    $world->hooks[$hook][] = array($callback, $arguments);
}
function add_action($hook, $callback, $priority = 10, $arguments = 1) { add_filter($hook, $callback, $priority, $arguments); }
function apply_filters($hook, $value, ...$more)
{
    global $world;
    foreach ($world->hooks[$hook] ?? array() as list($callback, $count)) {
        $value = $callback(...array_slice(array($value, ...$more), 0, $count));
    }
    return $value;
}
function do_action($hook, ...$given)
{
    global $world;
    foreach ($world->hooks[$hook] ?? array() as list($callback, $count)) {
        $callback(...array_slice($given, 0, $count));
    }
}

function get_option($name, $default = false) { global $world; return $world->options[$name] ?? $default; }
function update_option($name, $value) { global $world; $world->options[$name] = $value; return true; }
function delete_option($name) { global $world; unset($world->options[$name]); return true; }
function get_transient($name)
{
    global $world;
    $kept = $world->transients[$name] ?? null;
    return $kept && $kept[1] > time() ? $kept[0] : false;
}
function set_transient($name, $value, $seconds) { global $world; $world->transients[$name] = array($value, time() + $seconds); return true; }
function delete_transient($name) { global $world; unset($world->transients[$name]); return true; }
/** Has all that is kept be of so many seconds ago. */
function let_pass($seconds)
{
    global $world;
    foreach ($world->transients as $name => list($value, $until)) {
        if (is_array($value)) {
            $value = array('until' => $value['until'] - $seconds, 'made' => $value['made'] - $seconds) + $value;
        }
        $world->transients[$name] = array($value, $until - $seconds);
    }
}

function wp_remote_get($url, $arguments) { return seealso_test_request('GET', $url, $arguments); }
function wp_remote_post($url, $arguments) { return seealso_test_request('POST', $url, $arguments); }
function seealso_test_request($method, $url, $arguments)
{
    global $world;
    $world->asked[] = "$method $url";
    if ($world->no_network) {
        return new WP_Error('http_request_failed', 'there is no network');
    }
    $lines = array();
    foreach ($arguments['headers'] ?? array() as $name => $value) {
        $lines[] = "$name: $value";
    }
    $handle = curl_init($url);
    curl_setopt_array($handle, array(
        CURLOPT_CUSTOMREQUEST => $method,
        CURLOPT_HTTPHEADER => $lines,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT_MS => 1000 * max($arguments['timeout'], 30), // more than any test lasts, as WordPress has it
    ));
    if (isset($arguments['body'])) {
        curl_setopt($handle, CURLOPT_POSTFIELDS, $arguments['body']);
    }
    do_action('http_api_curl', $handle, $arguments, $url);
    if ($world->patient) { // a machine that is busy with other tests is no slow service
        curl_setopt_array($handle, array(CURLOPT_TIMEOUT_MS => 30000, CURLOPT_CONNECTTIMEOUT_MS => 30000));
    }
    $body = curl_exec($handle);
    if (false === $body) {
        return new WP_Error('http_request_failed', curl_error($handle));
    }
    $body = substr($body, 0, $arguments['limit_response_size'] ?? PHP_INT_MAX);
    return array('response' => array('code' => curl_getinfo($handle, CURLINFO_RESPONSE_CODE)), 'body' => $body);
}
function is_wp_error($thing) { return $thing instanceof WP_Error; }
function wp_remote_retrieve_response_code($answer) { return $answer['response']['code']; }
function wp_remote_retrieve_body($answer) { return $answer['body']; }
function wp_json_encode($value, $flags = 0) { return json_encode($value, $flags); }

/** Returns HTML with the elements and attributes that are allowed; what is within others stays, as text. */
function wp_kses($html, $allowed, $protocols)
{
    return preg_replace_callback('#<(/?)([a-z0-9]+)((?:\s[^<>]*)?)(/?)>#i', function ($found) use ($allowed, $protocols) {
        $name = strtolower($found[2]);
        if (!isset($allowed[$name])) {
            return '';
        }
        preg_match_all('#([a-z-]+)(?:="([^"]*)")?#i', $found[3], $attributes, PREG_SET_ORDER);
        $kept = '';
        foreach ($attributes as $each) {
            $known = isset($allowed[$name][strtolower($each[1])]);
            $known = $known || (0 === strpos($each[1], 'data-') && isset($allowed[$name]['data-*']));
            $scheme = strtolower((string) strstr(html_entity_decode($each[2] ?? ''), ':', true));
            $address = in_array($each[1], array('href', 'src'), true);
            if ($known && !($address && '' !== $scheme && !in_array($scheme, $protocols, true))) {
                $kept .= " $each[0]";
            }
        }
        return "<{$found[1]}$name$kept$found[4]>";
    }, $html);
}
function esc_html($text) { return htmlspecialchars((string) $text, ENT_QUOTES); }
function esc_attr($text) { return htmlspecialchars((string) $text, ENT_QUOTES); }
function esc_url_raw($url, $protocols) { return in_array(parse_url($url, PHP_URL_SCHEME), $protocols, true) ? $url : ''; }
function esc_html__($text, $domain) { return esc_html(__($text, $domain)); }
function __($text, $domain) { assert('seealso' === $domain); return $text; }
function sanitize_text_field($text) { return trim(preg_replace('/[\r\n\t ]+|%[a-f0-9]{2}/i', ' ', strip_tags($text))); }
function untrailingslashit($text) { return rtrim($text, '/\\'); }
function load_plugin_textdomain(...$given) { return true; }

function get_post($id = null) { global $world; return $world->posts[$id ? $id : $world->here] ?? null; }
function get_the_ID() { global $world; return $world->here; }
function wp_is_post_revision($id) { return false; }
function wp_is_post_autosave($id) { return false; }
function is_admin() { return true; }
function is_feed() { global $world; return $world->feed; }
function is_singular($type) { global $world; return $world->singular; }
function in_the_loop() { return true; }
function is_main_query() { return true; }
function is_multisite() { return false; }
function has_block($name) { return false !== strpos(get_post()->post_content, "<!-- wp:$name"); }
function has_shortcode($content, $name) { return false !== strpos($content, "[$name"); }
function current_user_can($what) { global $world; return $world->can && 'manage_options' === $what; }

function rest_do_request($request)
{
    global $world;
    $data = $world->rest[$request->route] ?? null;
    if ($data) {
        $data['content']['rendered'] .= do_shortcode($world->posts[$data['id']]->post_content);
    }
    return new Rest_Response($data);
}
function rest_get_server() { return new Rest_Server(); }
function wp_schedule_single_event($when, $hook, $arguments) { global $world; $world->scheduled[] = array($hook, $arguments); }
function wp_unschedule_hook($hook) { global $world; $world->unscheduled[] = $hook; }
function register_block_type($folder, $more) { global $world; $world->blocks[] = json_decode(file_get_contents("$folder/block.json"), true) + $more; }
function get_block_wrapper_attributes() { return 'class="wp-block-seealso-related"'; }
function wp_set_script_translations(...$given) { return true; }
function add_shortcode($name, $callback) { global $world; $world->shortcodes[$name] = $callback; }
function do_shortcode($content)
{
    global $world;
    foreach ($world->shortcodes as $name => $callback) {
        $content = preg_replace_callback("#\\[$name\\]#", function () use ($callback) { return $callback(''); }, $content);
    }
    return $content;
}
function shortcode_atts($known, $given, $name) { return array_intersect_key((array) $given, $known) + $known; }
function wp_enqueue_style($name, $url, $needs, $version) { global $world; $world->styles[$name] = $url; }
function add_options_page($title, $menu, $can, $slug, $callback) { global $world; $world->pages[$slug] = array($can, $callback); }
function register_setting($group, $name, $more) { global $world; $world->registered[$name] = $more; }
function add_settings_error($setting, $code, $message) { global $world; $world->errors[] = $message; }
function settings_fields($group) { echo "<input type=\"hidden\" name=\"option_page\" value=\"$group\"><input type=\"hidden\" name=\"_wpnonce\">"; }
function submit_button() { echo '<button>Save Changes</button>'; }
function get_admin_page_title() { return 'Seealso'; }

/** Puts a post into the world: `$fields` of the post itself, and of its REST form what a title says. */
function write_post($id, $title, $status = 'publish', $content = '', $password = '')
{
    global $world;
    $world->posts[$id] = (object) array(
        'ID' => $id, 'post_type' => 'post', 'post_status' => $status, 'post_content' => $content, 'post_password' => $password,
    );
    $world->rest["/wp/v2/posts/$id"] = array(
        'id' => $id, 'status' => $status, 'link' => "https://news.example/?p=$id", 'title' => array('rendered' => $title),
        'content' => array('rendered' => '<p>tides moon sea harbour</p>', 'protected' => false),
        'excerpt' => array('rendered' => '', 'protected' => false),
        'date_gmt' => '2026-11-28T06:30:00', 'modified_gmt' => gmdate('Y-m-d\TH:i:s'),
    );
    return $world->posts[$id];
}
