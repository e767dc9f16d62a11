vcl 4.1;

# Varnish in front of a website whose pages include the block by ESI, and of the service. Why each line is there:
# docs/clients.md, 'Varnish'. Tried with Debian's Varnish 7.1 and its package varnish-modules by tests/test_varnish.py.
#
#   <esi:include src="/related/ARTICLE_ID?layout=grid&amp;heading=3"/>          in a page of the website
#
#   SEEALSO_PROXIES=1 SEEALSO_PURGE_WEBHOOK=http://127.0.0.1:6081/.seealso/purge SEEALSO_PURGE_FORM=keys seealso serve

import std;
import var;     # varnish-modules
import xkey;    # varnish-modules: objects found by the keys that they were stored with

backend website {
    .host = "127.0.0.1";
    .port = "8000";
}

backend seealso {
    .host = "127.0.0.1";
    .port = "8080";
    .connect_timeout = 300ms;
    .first_byte_timeout = 800ms;       # a page waits no longer for a block to begin
    .between_bytes_timeout = 800ms;
    .max_connections = 200;
    .probe = {
        .url = "/readyz";
        .interval = 2s;
        .timeout = 1s;
        .window = 3;
        .threshold = 2;
        .initial = 2;
    }
}

# The machines on which the service runs. Nobody else may have anything dropped.
acl purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.url == "/.seealso/purge") {
        if (client.ip !~ purgers) {
            return (synth(403));
        }
        if (req.method != "POST" || !req.http.Surrogate-Key) {
            return (synth(400, "POST, with the header Surrogate-Key"));
        }
        # What is being fetched at this moment has no key yet: see vcl_backend_response.
        var.global_set("purged", "" + std.time2real(now, 0.0));
        set req.http.X-Dropped = xkey.purge(req.http.Surrogate-Key);
        return (synth(200));
    }
    if (req.url ~ "^/related/") {
        if (req.esi_level == 0) {
            return (synth(404));       # the place of the block is not to be asked from outside
        }
        set req.url = regsub(req.url, "^/related/([^?]*)", "/v1/articles/\1/related.html");
        # Varnish asks, not the reader: nothing that a reader sends changes the block.
        unset req.http.Cookie;
        unset req.http.Authorization;
        unset req.http.Origin;
    }
    if (req.url ~ "^/v1/articles/[^?]*/related(\.html)?(\?|$)" || req.url ~ "^/related\.(css|js)(\?|$)") {
        set req.backend_hint = seealso;
        unset req.http.Cookie;
        # Beyond its time, a block is shown for a minute, while a new one is fetched. Without a limit here, as after a
        # failure (restarts), for as long as vcl_backend_response says.
        if (req.restarts == 0 && std.healthy(seealso)) {
            set req.grace = 60s;
        }
    } elseif (req.url ~ "^/v1/(events|related|page|similar)$") {
        set req.backend_hint = seealso;
        # With what readers were shown, browsers send the website's cookies and the page's address: nobody's business here.
        unset req.http.Cookie;
        unset req.http.Referer;
        return (pass);
    } else {
        set req.backend_hint = website;
    }
}

sub vcl_miss {
    # The service has just failed, and there is nothing older: do not wait a second time.
    if (req.backend_hint == seealso && req.restarts > 0) {
        return (synth(503));
    }
}

sub vcl_backend_fetch {
    var.set_real("began", std.time2real(now, 0.0));
    if (bereq.url ~ "^/v1/(related|page|similar)$") {
        set bereq.first_byte_timeout = 35s;    # a text may take SEEALSO_TEXT_DEADLINE_S
    }
}

sub vcl_backend_response {
    if (bereq.backend == website) {
        set beresp.do_esi = beresp.http.Content-Type ~ "^text/html";
        return (deliver);
    }
    set beresp.do_stream = false;      # whole or not at all: an answer that breaks off is a failure
    if (beresp.status >= 500) {
        if (bereq.is_bgfetch) {
            return (abandon);          # the older one stays
        }
        set beresp.ttl = 0s;
        set beresp.uncacheable = true;
        return (deliver);
    }
    if (beresp.status == 200 && beresp.ttl > 0s) {
        # Freshness is what the service's Cache-Control says; the rest of a day, while it fails: stale-if-error.
        set beresp.grace = 24h;
        set beresp.http.xkey = beresp.http.Surrogate-Key;
        # It was asked for before the last purge came: who knows whether it has what was to be dropped.
        if (std.real(var.global_get("purged"), 0.0) >= var.get_real("began")) {
            set beresp.ttl = 0s;
            set beresp.grace = 0s;
        }
    }
}

sub vcl_deliver {
    if (req.backend_hint == seealso && resp.status >= 500 && req.restarts == 0 && req.method == "GET") {
        return (restart);              # for an older one
    }
    if (req.backend_hint == seealso && req.esi_level > 0 && resp.status != 200) {
        return (synth(resp.status));
    }
    unset resp.http.xkey;
    if (obj.hits > 0) {
        set resp.http.X-Proxy-Cache = "HIT";
    } else {
        set resp.http.X-Proxy-Cache = "MISS";
    }
}

sub vcl_synth {
    if (req.http.X-Dropped) {
        set resp.http.X-Dropped = req.http.X-Dropped;
    }
    # On anything but 200, there is no block in the page.
    if (req.esi_level > 0) {
        set resp.status = 200;
        unset resp.http.Retry-After;
        set resp.body = "";
        return (deliver);
    }
}
