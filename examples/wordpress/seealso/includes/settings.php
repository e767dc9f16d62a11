<?php
/**
 * What an administrator has set. A constant in wp-config.php stands over what the settings page says.
 */

defined('ABSPATH') || exit;

define('SEEALSO_LAYOUTS', array('list', 'grid', 'compact', 'carousel'));
define('SEEALSO_LIMIT_MAX', 50);

/** Returns each setting with what it is where nobody has set it; '' means: as the service has it. */
function seealso_defaults()
{
    return array(
        'url' => '',
        'secret' => '',
        'key' => '',
        'placement' => '',
        'layout' => '',
        'limit' => '',
        'heading' => '',
        'append' => 'no',
    );
}

/** Returns one setting. */
function seealso_setting($name)
{
    $constants = array('url' => 'SEEALSO_URL', 'secret' => 'SEEALSO_WORDPRESS_SECRET', 'key' => 'SEEALSO_KEY');
    if (isset($constants[$name]) && defined($constants[$name])) {
        $value = (string) constant($constants[$name]);
        return 'url' === $name ? untrailingslashit($value) : $value;
    }
    $kept = get_option('seealso', array());
    $all = array_merge(seealso_defaults(), is_array($kept) ? $kept : array());
    return (string) $all[$name];
}

/** Returns what of a block's look may be sent to the service; what is none, or '', is left out. */
function seealso_look($given)
{
    $look = array();
    if (in_array($given['layout'] ?? '', SEEALSO_LAYOUTS, true)) {
        $look['layout'] = $given['layout'];
    }
    foreach (array('limit' => array(1, SEEALSO_LIMIT_MAX), 'heading' => array(2, 6)) as $name => $bounds) {
        $number = (int) ($given[$name] ?? 0);
        if ($number >= $bounds[0] && $number <= $bounds[1]) {
            $look[$name] = $number;
        }
    }
    $placement = (string) ($given['placement'] ?? '');
    if ('' !== $placement) {
        $look['placement'] = $placement;
    }
    return $look;
}
