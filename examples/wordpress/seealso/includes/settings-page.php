<?php
/**
 * Settings > Seealso, for administrators.
 */

defined('ABSPATH') || exit;

add_action('admin_menu', function () {
    $title = __('Seealso', 'seealso');
    add_options_page($title, $title, 'manage_options', 'seealso', 'seealso_show_settings');
});

add_action('admin_init', function () {
    register_setting('seealso', 'seealso', array(
        'type' => 'array',
        'sanitize_callback' => 'seealso_checked',
        'default' => seealso_defaults(),
        'show_in_rest' => false,
    ));
});

/** Returns what was sent as it is to be kept; what is wrong is told, and stays as it was. */
function seealso_checked($sent)
{
    $sent = is_array($sent) ? $sent : array();
    $kept = get_option('seealso', array());
    $kept = array_merge(seealso_defaults(), is_array($kept) ? $kept : array());
    $said = array();
    foreach (seealso_defaults() as $name => $default) {
        $text = isset($sent[$name]) && is_string($sent[$name]) ? $sent[$name] : $default;
        // WordPress's own cleaning takes '%41' out of a text, which a secret may hold.
        $secret = in_array($name, array('secret', 'key'), true);
        $said[$name] = trim($secret ? preg_replace('/[[:cntrl:]]/', '', $text) : sanitize_text_field($text));
    }
    $url = untrailingslashit(esc_url_raw($said['url'], array('http', 'https')));
    if ('' !== $said['url'] && !preg_match('#^https?://[^/?\#]+#', $url)) {
        $told = __('The address must begin with https:// or http://, such as https://related.example.', 'seealso');
        add_settings_error('seealso', 'seealso_url', $told);
        $url = $kept['url'];
    }
    $said['url'] = $url;
    if ('' !== $said['secret'] && strlen($said['secret']) < 16) {
        $told = __('The secret must have 16 characters at least, as the service demands.', 'seealso');
        add_settings_error('seealso', 'seealso_secret', $told);
        $said['secret'] = '';
    }
    foreach (array('secret', 'key') as $name) {
        if (!empty($sent['forget_' . $name])) {
            $said[$name] = '';
        } elseif ('' === $said[$name]) {  // they are not shown, so that an empty field says nothing
            $said[$name] = $kept[$name];
        }
    }
    $look = seealso_look($said);
    foreach (array('layout', 'limit', 'heading') as $name) {
        $said[$name] = isset($look[$name]) ? (string) $look[$name] : '';
    }
    $said['append'] = 'yes' === $said['append'] ? 'yes' : 'no';
    seealso_forget_all();
    delete_transient('seealso_silent');
    delete_transient('seealso_untold');
    return $said;
}

/** Prints the page. */
function seealso_show_settings()
{
    if (!current_user_can('manage_options')) {
        return;
    }
    $layouts = array('' => __('As the service has it', 'seealso'));
    foreach (SEEALSO_LAYOUTS as $layout) {
        $layouts[$layout] = $layout;
    }
    ?>
    <div class="wrap">
        <h1><?php echo esc_html(get_admin_page_title()); ?></h1>
        <form method="post" action="options.php">
            <?php settings_fields('seealso'); ?>
            <table class="form-table" role="presentation">
                <?php
                seealso_field('url', __('Address of the service', 'seealso'), 'url', 'SEEALSO_URL');
                seealso_secret('secret', __('Secret for messages', 'seealso'), 'SEEALSO_WORDPRESS_SECRET');
                seealso_secret('key', __('Key, if reading needs one', 'seealso'), 'SEEALSO_KEY');
                seealso_field('placement', __('Placement in seealso.toml', 'seealso'), 'text');
                seealso_choice('layout', __('Layout', 'seealso'), $layouts);
                seealso_number('limit', __('At most so many articles', 'seealso'), 1, SEEALSO_LIMIT_MAX);
                seealso_number('heading', __('Level of the heading, 2 to 6', 'seealso'), 2, 6);
                seealso_choice('append', __('Below each post', 'seealso'), array(
                    'no' => __('Only where the block or [seealso] stands', 'seealso'),
                    'yes' => __('By itself', 'seealso'),
                ));
                ?>
            </table>
            <?php submit_button(); ?>
        </form>
    </div>
    <?php
}

/** Prints the row of a field, which is labelled and followed by what `$below` says. */
function seealso_row($name, $label, $field, $below = '')
{
    ?>
    <tr>
        <th scope="row"><label for="<?php echo esc_attr("seealso-$name"); ?>"><?php echo esc_html($label); ?></label></th>
        <td>
            <?php echo $field; // phpcs:ignore WordPress.Security.EscapeOutput -- made below, of escaped parts ?>
            <?php if ('' !== $below) : ?>
                <p class="description"><?php echo esc_html($below); ?></p>
            <?php endif; ?>
        </td>
    </tr>
    <?php
}

/** Returns an input of ours. */
function seealso_input($name, $type, $value, $more = array())
{
    $all = array('id' => "seealso-$name", 'name' => "seealso[$name]", 'type' => $type, 'value' => $value) + $more;
    $written = '';
    foreach ($all as $attribute => $said) {
        $written .= sprintf(' %s="%s"', $attribute, esc_attr($said));
    }
    return "<input class=\"regular-text\"$written>";
}

/** Prints the row of a text. */
function seealso_field($name, $label, $type, $constant = '')
{
    $fixed = '' !== $constant && defined($constant);
    $below = $fixed ? __('Set in wp-config.php.', 'seealso') : '';
    $more = $fixed ? array('readonly' => 'readonly') : array();
    seealso_row($name, $label, seealso_input($name, $type, seealso_setting($name), $more), $below);
}

/** Prints the row of a number within bounds. */
function seealso_number($name, $label, $least, $most)
{
    seealso_row($name, $label, seealso_input($name, 'number', seealso_setting($name), array('min' => $least, 'max' => $most)));
}

/** Prints the row of what is not to be seen: left empty, it stays as it is. */
function seealso_secret($name, $label, $constant)
{
    if (defined($constant)) {
        seealso_row($name, $label, seealso_input($name, 'password', '', array('disabled' => 'disabled')), __('Set in wp-config.php.', 'seealso'));
        return;
    }
    $forget = sprintf(
        '<p><label><input type="checkbox" name="%s" value="1"> %s</label></p>',
        esc_attr("seealso[forget_$name]"),
        esc_html__('Forget it', 'seealso')
    );
    $field = seealso_input($name, 'password', '', array('autocomplete' => 'new-password'));
    $set = '' !== seealso_setting($name);
    $below = $set ? __('Set; leave empty to keep it.', 'seealso') : __('Not set.', 'seealso');
    seealso_row($name, $label, $set ? $field . $forget : $field, $below);
}

/** Prints the row of a choice. */
function seealso_choice($name, $label, $choices)
{
    $options = '';
    foreach ($choices as $value => $words) {
        $chosen = (string) $value === seealso_setting($name) ? ' selected' : '';
        $options .= sprintf('<option value="%s"%s>%s</option>', esc_attr($value), $chosen, esc_html($words));
    }
    $written = '<select id="%1$s" name="%2$s">%3$s</select>';
    seealso_row($name, $label, sprintf($written, esc_attr("seealso-$name"), esc_attr("seealso[$name]"), $options));
}
