"""What the conformance programs do not show: corners, and where the original crashes."""

from __future__ import annotations

import pytest

from .running import output_of, printed

SYS = "sys = Import('sys'); "


def test_an_empty_statement_does_nothing() -> None:
    assert output_of(SYS + ";; ; sys.print(1);;") == ["1"]


def test_an_empty_condition_of_if_is_false() -> None:
    assert output_of(SYS + "if () sys.print(1); else sys.print(2);") == ["2"]


def test_a_matching_case_without_statements_falls_through() -> None:
    script = "switch (1) { case 1: case 2: sys.print('two'); } switch (1) { case 1: }"

    assert output_of(SYS + script + " sys.print('end');") == ["two", "end"]


def test_a_captured_variable_that_does_not_exist_is_nil() -> None:
    assert output_of(SYS + "@f() $(ghost) { return ghost; } sys.print(f());") == ["nil"]


def test_the_result_of_a_call_can_be_called_with_arguments() -> None:
    script = "@f() { @g(x) { return x + 1; } return g; } sys.print(f()(2));"

    assert output_of(SYS + script) == ["3"]


def test_the_smallest_integer_divided_by_minus_one_wraps() -> None:
    smallest = "-9223372036854775807 - 1"

    assert printed(f"({smallest}) / (0 - 1); ({smallest}) % (0 - 1)") == [
        "-9223372036854775808",
        "0",
    ]


def test_killing_a_script_that_waits_for_a_message_ends_it() -> None:
    script = """
Eval("m = Import('mq'); m.recv('never'); s = Import('sys'); s.print('alive');", nil, true, 'A');
sys.msleep(5); Kill('A'); sys.print(sys.size(Eval())); mq = Import('mq'); mq.send('never', 1);
sys.msleep(5); sys.print(mq.recv('never'));
"""

    assert output_of(SYS + script) == ["0", "1"]


def test_a_topic_message_reaches_only_scripts_that_subscribed() -> None:
    script = """
Eval("s = Import('sys'); s.msleep(20);", nil, true);
Eval("s = Import('sys'); m = Import('mq'); m.subscribe('t'); s.print(m.recv('t'));", nil, true);
sys.msleep(5); mq = Import('mq'); mq.send('t', 'news', true); sys.print(mq.recv('t', 1000));
"""

    assert output_of(SYS + script) == ["news", "nil"]


def test_a_script_can_kill_itself() -> None:
    script = "Eval(\"s = Import('sys'); s.print(1); Kill('me'); s.print(2);\", nil, true, 'me');"

    assert output_of(SYS + script) == ["1"]


def test_a_loop_without_end_does_not_stop_its_neighbours() -> None:
    script = """
Eval("while (1) { }", nil, true, 'spin');
Eval("@F() { return 1; } for (;;) F();", nil, true, 'calls');
Eval("again: goto again; x = 1;", nil, true, 'jumps');
sys.msleep(10); sys.print('awake'); Kill('spin'); Kill('calls'); Kill('jumps');
"""

    assert output_of(SYS + script) == ["awake"]


def test_goto_leaves_loops_and_switches_and_goes_back() -> None:
    script = """
n = 0;
start:
n++;
for (i = 0; i < 5; ++i) { while (1) { switch (n) { case 3: goto end; } if (i == 1) goto start; fi
break; } }
end:
sys.print(n + ',' + i);
"""

    assert output_of(SYS + script) == ["3,0"]


def test_recursion_without_end_is_an_error_with_a_line() -> None:
    script = "@F(n) {\n return F(n + 1);\n}\n F(0);"

    assert output_of(SYS + script) == ["t.m:2: Stack is full."]


def test_break_outside_of_loops_ends_the_script_for_line_0() -> None:
    assert output_of("break;") == [
        "t.m:0: break or continue not in loop statement.",
        "t.m:0: Invalid 'break' usage.",
    ]


def test_a_long_string_grows_without_being_copied_and_reads_as_usual() -> None:
    script = """
str = Import('str'); s = '';
for (i = 0; i < 5000; ++i) { s += i; s += ','; }
sys.print(str.strlen(s)); t = s; s += '!'; sys.print(str.strlen(t) + ' ' + str.strlen(s));
@f(&r) { r += '?'; } f(s); sys.print(str.split(s, -3)); s = 5; s += 1; sys.print(s);
"""

    assert output_of(SYS + script) == ["23890", "23890 23891", ",!?", "6"]


def test_a_watched_array_element_is_seen_through_a_reference() -> None:
    script = """
@On(v) { S = Import('sys'); S.print('on ' + v); }
a = [1, 2]; Watch(a[1], On); @f(&x) { x = x * 10; } f(a[1]); a[1]++; a[0] = 5; sys.print(a);
"""

    assert output_of(SYS + script) == ["on 20", "on 21", "[5, 21, ]"]


def test_a_closure_copies_its_state_when_it_is_assigned() -> None:
    script = """
@make() { n = 0; @count() $(n) { n++; return n; } return count; }
a = make(); a(); b = a; sys.print(a()); sys.print(b()); sys.print(b());
"""

    assert output_of(SYS + script) == ["2", "2", "3"]


def test_watching_what_is_no_variable_does_no_harm() -> None:
    script = "@f() { } sys.print(Watch(5, f)); sys.print(Unwatch(5)); sys.print(Unwatch());"

    assert output_of(SYS + script) == ["true", "nil", "nil"]


def test_the_stack_is_shown_innermost_first() -> None:
    script = "@G() {\n Stack();\n}\n@F() {\n G();\n}\nF();"

    assert output_of(script) == ["1: G t.m:2", "2: F t.m:5", "3: __main__ t.m:7"]


@pytest.mark.parametrize("name", ["None", "True", "__debug__", "class", "lambda", "def", "print"])
def test_words_of_python_are_names_like_any_other(name: str) -> None:
    script = f"{name} = 1; {name} += 2; @f({name}) {{ return {name} * 2; }} sys.print(f({name}));"

    assert output_of(SYS + script) == ["6"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("9223372036854775807 * 3 + 2 - 9223372036854775807", "0"),
        ("(a * a * a + 1) % 1000", "-808"),
        ("a * a < 10 && a & 12345 ^ 7", "12350"),
        ("-7 / 2", "-3"),
        ("-7 % 2", "-1"),
        ("(0 - a) / 10", "-922337203685477580"),
        ("1.5 * 2 + 1", "4.000000"),
        ("'3' + 4 * 2", "38"),
        ("7 - '3.9'", "4"),
        ("2.5 * '2e1x'", "50.000000"),
    ],
)
def test_arithmetic_is_that_of_64_bits(expression: str, value: str) -> None:
    assert output_of(SYS + f"a = 9223372036854775807; sys.print({expression});") == [value]


def test_sums_see_late_changes_of_their_variables_as_the_original_does() -> None:
    assert output_of(SYS + "i = 1; sys.print(i + i++); sys.print(i++ + i);") == ["3", "5"]


def test_capital_names_in_functions_are_global_only_if_they_exist() -> None:
    script = """
Total = 1;
@Add(n) { Total += n; Fresh = n; return Fresh; }
sys.print(Add(4)); sys.print(Total); sys.print(Fresh);
"""

    assert output_of(SYS + script) == ["4", "5", "nil"]


def test_an_error_is_in_the_line_where_its_operation_ends() -> None:
    assert output_of("x = 5 -\n nil +\n 3;") == ["t.m:3: Operation NOT support."]
    assert output_of("sys = Import('sys');\nsys.int(\n nil\n);") == [
        "t.m:4: Cannot convert to INT."
    ]
    assert output_of("@f(1)\n{\n}") == ["t.m:3: Parse function definition failed."]
    assert output_of("x = 'a\nb';\ny = -x;") == ["t.m:3: Operation NOT support."]


def test_lines_of_directives_that_are_read_to_their_end_do_not_count() -> None:
    script = "#define A 1 +\\\n 2\n#if A\nx = 1;\n#else\nx = 2;\n#endif\ny = nil + #A;"

    assert output_of(script) == ["t.m:5: Operation NOT support."]


def test_what_is_called_has_to_be_a_function_or_its_name() -> None:
    assert output_of("a = [nil];\na[0]();") == ["t.m:2: Operation NOT support."]
    assert output_of("a = nil;\na();") == ["t.m:2: Invalid function, No such prototype."]
    assert output_of("a = 'b';\nb = 5;\na();") == ["t.m:3: Invalid function, No such prototype."]


def test_the_value_of_an_assignment_can_be_passed_by_reference() -> None:
    script = "S = Import('sys'); @f(&p) { p = 9; } f(x = 5); f(++y0); y = 1; f(++y); "

    assert output_of(script.replace("f(++y0); ", "") + "S.print(x); S.print(y);") == ["9", "9"]


def test_a_capture_hides_a_parameter_of_its_name() -> None:
    script = "S = Import('sys'); x = 1; @f(x)$(x) { return x; } S.print(f(7));"

    assert output_of(script) == ["1"]


def test_copies_of_a_closure_are_equal() -> None:
    script = (
        "S = Import('sys'); @mk() { n = 0; @inc()$(n) { return n++; } return inc; }"
        "a = mk(); b = mk(); a(); S.print(a == b); S.print(a != mk); S.print(b());"
    )

    assert output_of(script) == ["true", "true", "0"]


def test_a_switch_on_nothing_takes_every_case() -> None:
    script = "S = Import('sys'); switch () { case 1: S.print('a'); case 2: S.print('b'); break; }"

    assert output_of(script + "S.print('c');") == ["a", "b", "c"]


def test_a_hook_of_an_object_has_this() -> None:
    script = (
        "S = Import('sys'); A { v; @__obj_plus_operator__(a, b) { return this.v + b; } }"
        "o = $A; o.v = 3; S.print(o + 4);"
    )

    assert output_of(script) == ["7"]
