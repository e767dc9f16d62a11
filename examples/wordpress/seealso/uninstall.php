<?php
/**
 * The plugin is deleted: nothing of it stays.
 */

defined('WP_UNINSTALL_PLUGIN') || exit;

function seealso_uninstall()
{
    global $wpdb;
    foreach (array('seealso', 'seealso_published', 'seealso_withdrawn') as $name) {
        delete_option($name);
    }
    wp_unschedule_hook('seealso_tell_again');
    $kept = $wpdb->esc_like('_transient_seealso_') . '%';
    $ends = $wpdb->esc_like('_transient_timeout_seealso_') . '%';
    $delete = "DELETE FROM {$wpdb->options} WHERE option_name LIKE %s OR option_name LIKE %s";
    $wpdb->query($wpdb->prepare($delete, $kept, $ends));
}

if (is_multisite()) {
    foreach (get_sites(array('fields' => 'ids', 'number' => 0)) as $site) {
        switch_to_blog($site);
        seealso_uninstall();
        restore_current_blog();
    }
} else {
    seealso_uninstall();
}
