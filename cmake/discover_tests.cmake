# doctest's own CMake module loses the suite of a case whose name has a comma, and is absent where only doctest's header is.
# Here: discover_tests(TARGET) makes every doctest case of TARGET a ctest of the same name, labelled with its suite.

if(NOT CMAKE_SCRIPT_MODE_FILE)
    set(discover_tests_script ${CMAKE_CURRENT_LIST_FILE})
    function(discover_tests target)
        set(list_file ${CMAKE_CURRENT_BINARY_DIR}/${target}_list.cmake)
        get_property(launcher TARGET ${target} PROPERTY CROSSCOMPILING_EMULATOR)
        add_custom_command(TARGET ${target} POST_BUILD VERBATIM BYPRODUCTS ${list_file}
            COMMAND ${CMAKE_COMMAND} "-DEXECUTABLE=$<TARGET_FILE:${target}>" "-DLAUNCHER=${launcher}"
                    "-DLIST_FILE=${list_file}" -P ${discover_tests_script})
        if(NOT EXISTS ${list_file})
            file(WRITE ${list_file} "add_test(${target}_not_built ${CMAKE_COMMAND} -E false)\n")
        endif()
        set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list_file})
    endfunction()
    return()
endif()

# From here on: the script that runs after the executable is linked.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${LAUNCHER} ${EXECUTABLE} --list-test-cases --reporters=xml
                OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
# CMake lists choke on these characters; XML keeps "<" out of the names, so it can mark them.
string(REPLACE "[" "<open>" listing "${listing}")
string(REPLACE "]" "<close>" listing "${listing}")
string(REPLACE ";" "<semicolon>" listing "${listing}")
string(REGEX MATCHALL "<TestCase name=[^\n]*" cases "${listing}")

function(plain_text variable text)
    foreach(pair "<open>=[" "<close>=]" "&lt<semicolon>=<" "&gt<semicolon>=>" "&quot<semicolon>=\"" "&amp<semicolon>=&")
        string(REGEX MATCH "^(.*)=(.)$" match "${pair}")
        string(REPLACE "${CMAKE_MATCH_1}" "${CMAKE_MATCH_2}" text "${text}")
    endforeach()
    string(REPLACE "<semicolon>" ";" text "${text}")
    set(${variable} "${text}" PARENT_SCOPE)
endfunction()

set(script "")
set(seen "")
foreach(case IN LISTS cases)
    string(REGEX MATCH "name=\"([^\"]*)\"( testsuite=\"([^\"]*)\")?" match "${case}")
    set(encoded_name "${CMAKE_MATCH_1}")
    plain_text(suite "${CMAKE_MATCH_3}")
    plain_text(name "${encoded_name}")
    if(encoded_name IN_LIST seen)
        message(FATAL_ERROR "Two test cases are called \"${name}\": a name must say which one failed, so give each its own")
    endif()
    list(APPEND seen "${encoded_name}")
    string(REPLACE "," "\\," filter "${name}")
    string(APPEND script "add_test([==[${name}]==] ${LAUNCHER} [==[${EXECUTABLE}]==] [==[--test-case=${filter}]==])\n"
                         "set_tests_properties([==[${name}]==] PROPERTIES LABELS [==[${suite}]==]\n"
                         "    FAIL_REGULAR_EXPRESSION \"test cases: +0 \")\n")
endforeach()
file(WRITE ${LIST_FILE} "${script}")
