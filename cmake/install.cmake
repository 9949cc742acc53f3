# What `cmake --install` puts where, and the Debian packages that `cpack -G DEB` makes of it (docs/install.md).
# Two components: program (the engine, its pages and configurations) and development (libraries, headers, CMake package).

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME program)

# ---- The program, and what it says about itself.
set_target_properties(engine PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON) # CUDA lies outside the loader's path
install(TARGETS engine RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# Under the sanitizers, and for another kind of machine, the program is not for installing.
if(NOT ENGINE_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
    set(pages ${CMAKE_CURRENT_BINARY_DIR}/pages)
    file(MAKE_DIRECTORY ${pages})
    add_custom_command(TARGET engine POST_BUILD VERBATIM
        BYPRODUCTS ${pages}/engine.bash ${pages}/_engine ${pages}/engine.fish ${pages}/engine.1
        COMMAND engine completion bash > ${pages}/engine.bash
        COMMAND engine completion zsh > ${pages}/_engine
        COMMAND engine completion fish > ${pages}/engine.fish
        COMMAND engine man > ${pages}/engine.1)
    install(FILES ${pages}/engine.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME engine)
    install(FILES ${pages}/_engine DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(FILES ${pages}/engine.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
    install(FILES ${pages}/engine.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/heat-engine)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/heat-engine)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/heat-engine)

# ---- The layers below the program, for find_package(HeatEngine): HeatEngine::kernels, ::engine, ::nets, ::processes.
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/HeatEngine)
set(layers heat_kernels heat_engine heat_nets heat_processes)
foreach(layer IN LISTS layers ITEMS heat_dependencies)
    string(REPLACE "heat_" "" exported_name ${layer})
    set_target_properties(${layer} PROPERTIES EXPORT_NAME ${exported_name})
endforeach()
install(TARGETS ${layers} heat_dependencies EXPORT HeatEngineTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/heat-engine)
install(EXPORT HeatEngineTargets NAMESPACE HeatEngine:: DESTINATION ${package_folder} COMPONENT development)
install(DIRECTORY kernels engine nets processes DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/heat-engine COMPONENT development
        FILES_MATCHING PATTERN "*.h" # the adapters are the only ones to include their libraries' headers
        PATTERN "onednn" EXCLUDE PATTERN "cublaslt" EXCLUDE PATTERN "cudnn" EXCLUDE)

# What the exported libraries link is found again under the names it was found by.
set(HEAT_FOUND_PACKAGES Threads)
foreach(found fmt OpenMP ZLIB PNG JPEG)
    if(${found}_FOUND OR ${found}_CXX_FOUND)
        list(APPEND HEAT_FOUND_PACKAGES ${found})
    endif()
endforeach()
if(HEAT_CUDA)
    list(APPEND HEAT_FOUND_PACKAGES CUDAToolkit)
    if(CUDNN_FOUND)
        list(APPEND HEAT_FOUND_PACKAGES CUDNN)
        install(FILES cmake/FindCUDNN.cmake DESTINATION ${package_folder} COMPONENT development)
    endif()
endif()
configure_package_config_file(cmake/HeatEngineConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/HeatEngineConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/HeatEngineConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion) # while the version begins with 0
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/HeatEngineConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/HeatEngineConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT development)

# ---- Debian packages.
set(CPACK_PACKAGE_NAME heat-engine)
set(CPACK_PACKAGE_VENDOR "Heat Engine developers")
set(CPACK_PACKAGE_CONTACT "Heat Engine developers <noreply@example.org>")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME heat-engine)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "One program that trains and samples image models whose forward process is
 an operator: heat dissipation, and plain noise as the special case. It needs
 no deep-learning framework.") # the summary above it is the project's

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libheat-engine-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(development_packages "")
foreach(pair "fmt_FOUND=libfmt-dev" "ZLIB_FOUND=zlib1g-dev" "PNG_FOUND=libpng-dev" "JPEG_FOUND=libjpeg-dev"
             "LIBZIP_LIBRARY=libzip-dev" "ONEDNN_LIBRARY=libdnnl-dev")
    string(REGEX MATCH "^(.*)=(.*)$" match ${pair})
    if(${CMAKE_MATCH_1})
        list(APPEND development_packages ${CMAKE_MATCH_2})
    endif()
endforeach()
list(JOIN development_packages ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Development files: static libraries, headers and a CMake package, with the
 tensors, autograd, U-Net and processes of Heat Engine for programs of one's own.")

# Read by cpack itself, when a package is made.
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_BINARY_DIR}/package_check.cmake)
set(check "")
if(ENGINE_NATIVE)
    set(check "message(WARNING \"ENGINE_NATIVE is ON: this package runs only on machines like this one. \"
        \"Make it of a build with -DENGINE_NATIVE=OFF: cmake --preset package\")\n")
endif()
file(GENERATE OUTPUT ${CPACK_PROJECT_CONFIG_FILE} CONTENT "${check}")
include(CPack)
