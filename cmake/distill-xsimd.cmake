# Debian's xsimd names xtl among its libraries, which it neither needs nor installs: programs would link with -lxtl.
if(TARGET xsimd AND NOT TARGET xtl)
  get_target_property(distill_xsimd_links xsimd INTERFACE_LINK_LIBRARIES)
  if("xtl" IN_LIST distill_xsimd_links)
    list(REMOVE_ITEM distill_xsimd_links xtl)
    set_target_properties(xsimd PROPERTIES INTERFACE_LINK_LIBRARIES "${distill_xsimd_links}")
  endif()
endif()
