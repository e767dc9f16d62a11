<?php
/**
 * Plugin Name:       Seealso
 * Description:       Related articles under every post, from a Seealso service that hears what you publish and withdraw.
 * Version:           1.0.0
 * Requires at least: 5.8
 * Requires PHP:      7.4
 * License:           MIT
 * Text Domain:       seealso
 * Domain Path:       /languages
 */

defined('ABSPATH') || exit;

define('SEEALSO_VERSION', '1.0.0');

require_once __DIR__ . '/includes/settings.php';
require_once __DIR__ . '/includes/markup.php';
require_once __DIR__ . '/includes/answers.php';
require_once __DIR__ . '/includes/block.php';
require_once __DIR__ . '/includes/telling.php';
if (is_admin()) {
    require_once __DIR__ . '/includes/settings-page.php';
}

add_action('init', function () {
    load_plugin_textdomain('seealso', false, basename(__DIR__) . '/languages');
});
