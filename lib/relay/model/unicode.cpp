#include "relay/model/unicode.hpp"

#include <utf8proc.h>

namespace relay {
namespace {

constexpr char32_t last_code_point = 0x10FFFF;

bool is_between(char32_t first, char32_t code_point, char32_t last) {
    return first <= code_point && code_point <= last;
}

bool is_noncharacter(char32_t code_point) {
    return is_between(0xFDD0, code_point, 0xFDEF) || (code_point & 0xFFFE) == 0xFFFE;
}

/// Code points that have Default_Ignorable_Code_Point but no character yet (DerivedCoreProperties.txt), so that the
/// library does not know them.
bool is_reserved_ignorable(char32_t code_point) {
    return code_point == 0x2065 || is_between(0xFFF0, code_point, 0xFFF8) || is_between(0xE0000, code_point, 0xE0FFF);
}

utf8proc_property_t const &property_of(char32_t code_point) {
    return *utf8proc_get_property(static_cast<utf8proc_int32_t>(code_point));
}

/// The marks that enclose the number after them: Prepended_Concatenation_Mark.
bool encloses_a_number(utf8proc_property_t const &property) {
    return property.category == UTF8PROC_CATEGORY_CF && property.boundclass == UTF8PROC_BOUNDCLASS_PREPEND;
}

}  // namespace

bool is_invisible(char32_t code_point) {
    if (is_between(0x20, code_point, 0x7E)) {
        return false;
    }
    if (code_point > last_code_point || is_noncharacter(code_point) || is_reserved_ignorable(code_point)) {
        return true;
    }
    utf8proc_property_t const &property = property_of(code_point);
    switch (property.category) {
        case UTF8PROC_CATEGORY_CF: return !encloses_a_number(property);
        case UTF8PROC_CATEGORY_CC:
        case UTF8PROC_CATEGORY_CS:
        case UTF8PROC_CATEGORY_CO:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP: return true;
        default: return property.ignorable;
    }
}

bool is_blank(char32_t code_point) {
    return code_point == ' ' || code_point == 0x2800 ||
           (code_point > 0x7E && code_point <= last_code_point &&
            property_of(code_point).category == UTF8PROC_CATEGORY_ZS);
}

int column_width(char32_t code_point) {
    if (code_point < 0x300) {
        return 1;
    }
    utf8proc_property_t const &property = property_of(code_point);
    if (property.boundclass == UTF8PROC_BOUNDCLASS_V || property.boundclass == UTF8PROC_BOUNDCLASS_T) {
        return 0;  // the library has their width alone, without the consonant that they follow
    }
    // The library has no column for Mc, marks that do take one in a terminal: the vowels of India, for example.
    bool const takes_one = encloses_a_number(property) || property.category == UTF8PROC_CATEGORY_MC;
    return takes_one ? 1 : utf8proc_charwidth(static_cast<utf8proc_int32_t>(code_point));
}

std::string_view unicode_version() { return utf8proc_unicode_version(); }

}  // namespace relay
