#include "characters.h"

#include <algorithm>
#include <map>

namespace hornbook {

CharacterTable::CharacterTable(const std::vector<CodeRange>& letters, const std::vector<CodeRange>& numbers,
                               const std::vector<CodeRange>& spaces) {
    std::vector<CharacterClass> flat(code_points, CharacterClass::other);
    const auto fill = [&](const std::vector<CodeRange>& ranges, CharacterClass kind) {
        for (const CodeRange& range : ranges)
            for (int64_t code = std::max(0, range.first); code <= range.last && code < code_points; ++code) flat[code] = kind;
    };
    fill(letters, CharacterClass::letter);
    fill(numbers, CharacterClass::number);
    fill(spaces, CharacterClass::space);
    std::map<std::vector<CharacterClass>, uint16_t> known;
    for (uint32_t first = 0; first < code_points; first += page_size) {
        const std::vector<CharacterClass> page(flat.begin() + first, flat.begin() + first + page_size);
        const auto [entry, is_new] = known.emplace(page, static_cast<uint16_t>(pages_.size()));
        if (is_new) pages_.insert(pages_.end(), page.begin(), page.end());
        page_[first / page_size] = entry->second;
    }
}

}  // namespace hornbook
