<?php
/**
 * The three ways into a page: the block 'Related articles', the shortcode [seealso], and by itself below a post.
 */

defined('ABSPATH') || exit;

/** Returns the block under a post, with the settings where `$given` says nothing, and has its style sheet loaded. */
function seealso_render($post_id, $given = array())
{
    $post = get_post($post_id);
    if (!$post || 'publish' !== $post->post_status || is_feed() || seealso_reads()) {
        return '';
    }
    $set = array();
    foreach (array('layout', 'limit', 'heading', 'placement') as $name) {
        $said = isset($given[$name]) ? trim((string) $given[$name]) : '';
        $set[$name] = in_array($said, array('', '0'), true) ? seealso_setting($name) : $said;
    }
    $html = seealso_block_of($post->ID, seealso_look($set));
    if ('' !== $html) {
        seealso_dress();
    }
    return $html;
}

/** Has the style sheet of blocks loaded. */
function seealso_dress()
{
    wp_enqueue_style('seealso', seealso_setting('url') . '/related.css', array(), SEEALSO_VERSION);
}

// What is asked for within the content comes after the page's head: where a block will stand is known before.
add_action('wp_enqueue_scripts', function () {
    if ('' === seealso_setting('url') || !is_singular('post')) {
        return;
    }
    $own = has_block('seealso/related') || has_shortcode((string) get_post()->post_content, 'seealso');
    if ($own || 'yes' === seealso_setting('append')) {
        seealso_dress();
    }
});

add_action('init', function () {
    register_block_type(dirname(__DIR__) . '/block', array(
        'render_callback' => function ($attributes, $content = '', $block = null) {
            $post_id = $block && !empty($block->context['postId']) ? $block->context['postId'] : get_the_ID();
            $html = seealso_render((int) $post_id, (array) $attributes);
            return '' === $html ? '' : '<div ' . get_block_wrapper_attributes() . '>' . $html . '</div>';
        },
    ));
    if (function_exists('wp_set_script_translations')) {
        wp_set_script_translations('seealso-related-editor-script', 'seealso', dirname(__DIR__) . '/languages');
    }
});

// [seealso layout="grid" limit="6" heading="3" placement="below" post="123"]
add_shortcode('seealso', function ($given) {
    $known = array('layout' => '', 'limit' => '', 'heading' => '', 'placement' => '', 'post' => '');
    $given = shortcode_atts($known, $given, 'seealso');
    return seealso_render((int) ($given['post'] ? $given['post'] : get_the_ID()), $given);
});

add_filter('the_content', function ($content) {
    $here = 'yes' === seealso_setting('append') && is_singular('post') && in_the_loop() && is_main_query();
    if (!$here || has_block('seealso/related') || has_shortcode((string) get_post()->post_content, 'seealso')) {
        return $content;
    }
    return $content . seealso_render(get_the_ID());
}, 20);
