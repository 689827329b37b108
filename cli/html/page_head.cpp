#include "cli/html/page_head.hpp"

#include "cli/html/style.hpp"

namespace relay::cli::html {

Html page_head(Html const &title) {
    return element(
        "head",
        "\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n"
        "<meta name=\"robots\" content=\"noindex\">\n" +
            element("title", title) + "\n" + element("style", page_style()) + "\n");
}

}  // namespace relay::cli::html
