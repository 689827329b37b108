#pragma once

#include "cli/html/html.hpp"

namespace relay::cli::html {

/// Returns the head of a page that needs nothing but itself. Its policy forbids scripts, requests, forms and frames, in
/// case some text is ever not escaped.
Html page_head(Html const &title);

}  // namespace relay::cli::html
