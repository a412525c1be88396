#include "apps/diagnostic_text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace credence::apps {

namespace {

// By code, ascending.
constexpr std::array<std::pair<std::string_view, std::string_view>, 87> kTexts{{
    {"aggregation", "聚合方式不可用"},
    {"always-null", "结果恒为空"},
    {"argument-type", "参数类型不符"},
    {"bad-compute", "计算项无效"},
    {"bad-count", "次数无效"},
    {"bad-name", "名称无效"},
    {"bad-namespace", "命名空间无效"},
    {"bad-number", "数字无效"},
    {"bad-type", "类型无效"},
    {"bad-value", "取值无效"},
    {"bad-version", "版本无效"},
    {"conflict", "规则输出冲突"},
    {"cycle", "循环依赖"},
    {"duplicate-element", "元素重复"},
    {"duplicate-entry", "条目重复"},
    {"duplicate-id", "标识重复"},
    {"duplicate-key", "键重复"},
    {"duplicate-name", "名称重复"},
    {"expression-language", "不支持的表达式语言"},
    {"gap", "规则有缺口"},
    {"hit-policy", "命中策略无效"},
    {"import-not-found", "找不到导入的模型"},
    {"import-type", "不支持的导入类型"},
    {"incomplete", "检查未完成"},
    {"incomplete-input", "输入不完整"},
    {"invalid-input", "输入无效"},
    {"invalid-literal", "字面量无效"},
    {"invalid-pattern", "正则表达式无效"},
    {"limit", "超过上限"},
    {"masked", "规则被遮蔽"},
    {"missing-attribute", "缺少属性"},
    {"missing-bound", "缺少界限"},
    {"missing-element", "缺少元素"},
    {"missing-field", "缺少字段"},
    {"missing-file", "缺少文件"},
    {"missing-input", "缺少输入"},
    {"missing-key", "缺少键"},
    {"missing-scale", "缺少小数位数"},
    {"missing-subject", "缺少主体"},
    {"missing-text", "缺少文案"},
    {"never-matches", "永不匹配"},
    {"no-output", "没有输出"},
    {"no-rule", "没有匹配的规则"},
    {"not-a-function", "不是函数"},
    {"not-an-input-value", "不在允许的输入值内"},
    {"not-an-output-value", "不在允许的输出值内"},
    {"not-dmn", "不是 DMN 文件"},
    {"not-read", "从未被读取"},
    {"null-operand", "操作数为空"},
    {"number-range", "数字超出范围"},
    {"out-of-range", "超出范围"},
    {"overlap", "规则重叠"},
    {"partial", "只检查了一部分"},
    {"row-size", "行的列数不符"},
    {"rule-size", "规则的列数不符"},
    {"scale-out-of-range", "小数位数超出范围"},
    {"sealed-field", "字段已加密，不可使用"},
    {"subsumed", "规则被另一条包含"},
    {"syntax", "语法错误"},
    {"too-deep", "嵌套过深"},
    {"too-few", "数量过少"},
    {"too-large", "过大"},
    {"too-large-to-check", "过大，无法检查"},
    {"too-long", "过长"},
    {"too-many", "数量过多"},
    {"too-many-elements", "元素过多"},
    {"too-many-imports", "导入过多"},
    {"two-expressions", "有两个表达式"},
    {"type-mismatch", "类型不一致"},
    {"unknown-attribute", "未知属性"},
    {"unknown-element", "未知元素"},
    {"unknown-entity", "未知实体"},
    {"unknown-event", "未知事件"},
    {"unknown-field", "未知字段"},
    {"unknown-function", "未知函数"},
    {"unknown-name", "未知名称"},
    {"unknown-reference", "未知引用"},
    {"unknown-type", "未知类型"},
    {"unknown-zone", "未知时区"},
    {"unreachable", "无法到达"},
    {"unused", "未被使用"},
    {"unused-input", "输入未被使用"},
    {"unused-requirement", "依赖未被使用"},
    {"window-out-of-range", "窗口超出范围"},
    {"wrong-arguments", "参数有误"},
    {"wrong-reference", "引用有误"},
    {"wrong-type", "类型有误"},
}};
static_assert(std::is_sorted(kTexts.begin(), kTexts.end(),
                             [](const auto& a, const auto& b) { return a.first < b.first; }));

}  // namespace

std::string_view DiagnosticInChinese(std::string_view code) {
  const auto found = std::lower_bound(
      kTexts.begin(), kTexts.end(), code,
      [](const auto& text, std::string_view wanted) { return text.first < wanted; });
  return found != kTexts.end() && found->first == code ? found->second : std::string_view();
}

}  // namespace credence::apps
