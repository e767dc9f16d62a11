<?php
/**
 * A block as the service sends it -> what may stand in a page. The service escapes what comes from articles; here is
 * seen to it that nothing else than a block comes through, whoever answers at its address.
 */

defined('ABSPATH') || exit;

/** Returns a block with its elements and attributes alone, and its JSON-LD written anew. */
function seealso_clean($html)
{
    $data = array();
    $html = preg_replace_callback(
        '#<script\b([^>]*)>(.*?)</script\s*>#is',
        function ($found) use (&$data) {
            $said = json_decode($found[2], true);
            if (false !== strpos($found[1], 'application/ld+json') && is_array($said)) {
                $data[] = $said;
            }
            return '';
        },
        (string) $html
    );
    $clean = trim(wp_kses((string) $html, seealso_elements(), array('http', 'https')));
    foreach ($data as $each) {
        $json = wp_json_encode($each, JSON_HEX_TAG | JSON_HEX_AMP | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        $clean .= '<script type="application/ld+json">' . $json . '</script>';
    }
    return $clean;
}

/** Returns the elements of a block and their attributes. */
function seealso_elements()
{
    $all = array_fill_keys(array('class', 'id', 'lang', 'dir', 'role', 'hidden', 'tabindex', 'data-*'), true);
    foreach (array('label', 'labelledby', 'hidden', 'describedby') as $name) {
        $all['aria-' . $name] = true;
    }
    $plain = 'section div aside nav header footer article p span ul ol li h2 h3 h4 h5 h6 figure figcaption bdi em picture';
    $elements = array_fill_keys(explode(' ', $plain), $all);
    $elements['a'] = $all + array_fill_keys(array('href', 'rel', 'target', 'hreflang'), true);
    $elements['time'] = $all + array('datetime' => true);
    $image = array('src', 'srcset', 'sizes', 'alt', 'width', 'height', 'loading', 'decoding', 'fetchpriority');
    $elements['img'] = $all + array_fill_keys($image, true);
    $elements['source'] = $all + array_fill_keys(array('srcset', 'sizes', 'media', 'type', 'width', 'height'), true);
    $drawn = explode(' ', 'viewbox d width height x y r rx cx cy fill stroke stroke-width focusable xmlns');
    foreach (array('svg', 'path', 'rect', 'circle', 'g', 'line') as $name) {
        $elements[$name] = $all + array_fill_keys($drawn, true);
    }
    return $elements;
}
